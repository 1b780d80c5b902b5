/* privileges.h - giving up what a process of the sandbox does not need. */
#pragma once

#include "loader/sandbox.h"

#define CAP_BIT(cap) (1ULL << (cap))

/* Keeps exactly the given capabilities and sets no_new_privs. As: the user nobody where it is mapped, else (and with
 * nobody == false) the ids stay. dumpable: whether others with the same ids may look into its memory. */
struct err *privileges_drop(bool nobody, uint64_t keep_caps, bool dumpable) MUST_CHECK;

/* Only what no program started from here could have any more: the bounding set. The rest of privileges_drop() comes later. */
struct err *privileges_bound(uint64_t keep_caps) MUST_CHECK;

/* Closes every descriptor but those listed (negative ones are skipped). 0, -errno. */
int close_all_but(const int *keep, int n) MUST_CHECK;
