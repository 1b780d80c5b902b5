/* page_pool.h - zeroed pages for the data of small files in memory file systems.
 *
 * Pages come from 256 KB chunks straight from the host, so that what guests put into files neither fragments the
 * sentry's heap nor stays with it: a chunk goes back as soon as its last page is free. */
#pragma once

#include "platform/base/base.h"

/* A page of zeroes, or NULL: the host has no memory. */
void *page_alloc(void) MUST_CHECK;
void page_free(void *page);
