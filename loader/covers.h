/* covers.h - which guest tests cover a system call. */
#pragma once

/* Names of tests, with ", " in between; "": none. */
const char *covers_of(const char *syscall);
/* The i-th name that a COVERS() line has; NULL: no more. */
const char *covers_name(int i);
