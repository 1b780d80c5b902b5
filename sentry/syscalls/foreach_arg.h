/* foreach_arg.h - recursion over (KIND, name) pairs of a SYSCALL line; used by table.h and table.c only. */
#pragma once

/* One enumerator and one typedef a kind. */
#define ARG(kind, type, value, printer) ARG_##kind,
enum arg_kind { ARG_NONE,
#include "sentry/syscalls/args.def"
};
#undef ARG
#define ARG(kind, type, value, printer) typedef type argtype_##kind;
#include "sentry/syscalls/args.def"
#undef ARG
#define ARG(kind, type, value, printer) static inline __attribute__((unused)) type argvalue_##kind(uint64_t r) { return value; }
#include "sentry/syscalls/args.def"
#undef ARG

#define PARAMS_0()
#define PARAMS_1(k, n, ...) , argtype_##k n
#define PARAMS_2(k, n, ...) , argtype_##k n PARAMS_1(__VA_ARGS__)
#define PARAMS_3(k, n, ...) , argtype_##k n PARAMS_2(__VA_ARGS__)
#define PARAMS_4(k, n, ...) , argtype_##k n PARAMS_3(__VA_ARGS__)
#define PARAMS_5(k, n, ...) , argtype_##k n PARAMS_4(__VA_ARGS__)
#define PARAMS_6(k, n, ...) , argtype_##k n PARAMS_5(__VA_ARGS__)

#define VALUES_0(r)
#define VALUES_1(r, k, n, ...) , argvalue_##k((r)[0])
#define VALUES_2(r, k, n, ...) , argvalue_##k((r)[0]) VALUES_1((r) + 1, __VA_ARGS__)
#define VALUES_3(r, k, n, ...) , argvalue_##k((r)[0]) VALUES_2((r) + 1, __VA_ARGS__)
#define VALUES_4(r, k, n, ...) , argvalue_##k((r)[0]) VALUES_3((r) + 1, __VA_ARGS__)
#define VALUES_5(r, k, n, ...) , argvalue_##k((r)[0]) VALUES_4((r) + 1, __VA_ARGS__)
#define VALUES_6(r, k, n, ...) , argvalue_##k((r)[0]) VALUES_5((r) + 1, __VA_ARGS__)

#define KINDS_0() ARG_NONE
#define KINDS_1(k, n, ...) ARG_##k
#define KINDS_2(k, n, ...) ARG_##k, KINDS_1(__VA_ARGS__)
#define KINDS_3(k, n, ...) ARG_##k, KINDS_2(__VA_ARGS__)
#define KINDS_4(k, n, ...) ARG_##k, KINDS_3(__VA_ARGS__)
#define KINDS_5(k, n, ...) ARG_##k, KINDS_4(__VA_ARGS__)
#define KINDS_6(k, n, ...) ARG_##k, KINDS_5(__VA_ARGS__)
