/* stub_filter.h - see stub_filter.c. */
#pragma once

#include "platform/base/base.h"

int stub_filter_install(void) MUST_CHECK;        /* for ever, and for all children */
