/* placement.h - which processor the sentry shares with whom. See placement.c. */
#pragma once

#include <stdbool.h>

struct systrap_thread;

void placement_init(void);

/* Now and then, before slots are looked at: tells the stubs where the sentry is. */
void placement_publish(void);

/* Is t, as far as it is known, where the sentry is? Then one of both has to wait. */
bool placement_same(const struct systrap_thread *t);

/* Do guests run on all processors but the sentry's? */
bool placement_full(void);

/* t, a stub that waits, and those that it forks, run where the sentry is: what they do is for later, while the sentry sleeps. */
void placement_beside(struct systrap_thread *t);
/* And now for one of those there is somebody who waits: it runs elsewhere; from its next answer on, anywhere. */
void placement_apart(struct systrap_thread *t, bool others_compute);
void placement_settled(struct systrap_thread *t);

/* The process, which is to end, does so where the sentry is, for the same reason. */
void placement_bury(int pid);

/* t has been answered and waits for our processor, nothing is to be done, others run. True: it was sent to another one. */
bool placement_clash(struct systrap_thread *t, bool others_compute);
