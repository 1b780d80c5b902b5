/* turns.h - for how long guest threads keep a processor that others wait for. See turns.c. Both may be called often. */
#pragma once

struct systrap_thread;

void turns_lengthen(struct systrap_thread *t);        /* it computes: whoever is woken gets its processor at once */
void turns_shorten(struct systrap_thread *t);         /* it calls */
