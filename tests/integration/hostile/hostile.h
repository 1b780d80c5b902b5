/* hostile.h - what the attacks share: calls by the trap code, hostile values, and a watcher (hostile.c). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "platform/systrap/layout.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LAST_NR 500
#define MAX_SITES 64

/* A system call made by the trap code's own function. */
extern long (*host_call)(long nr, const uint64_t args[6]);
#define HOST(nr, ...) host_call((nr), (const uint64_t[6]){ __VA_ARGS__ })

extern const uint8_t helper_code[32];  /* that function */
extern uint8_t *sites[MAX_SITES];                /* every 0f 05 in the trap code */
extern int nsites;
extern uint8_t *scratch;                         /* two pages, the third is not there */
extern volatile uint32_t *progress;              /* shared with the children */
extern uint64_t seed;

uint64_t rnd(void);
long guest_call(long nr, const uint64_t a[6]);
uint64_t hostile_value(void);
void hostile_args(uint64_t a[6], unsigned pattern);

/* A child that attacks; watched until it ends or makes no progress for a while. */
pid_t start(void (*attack)(uint32_t), uint32_t arg);
void watch(pid_t pid, unsigned patience_ms);
void attack_once(void (*attack)(uint32_t), uint32_t arg, unsigned ms);

/* Makes calls of many kinds for a while. */
int thread_of(int (*fn)(void *), void *arg);
void talk(void);

/* Rounds, and the attacks that this very process makes, too. */
void numbers(void);
void sites_round(void);
void stacks(void);
void frames(void);
void slots(void);
void descriptors(void);
void processes(void);
void mappings(void);
void threads(void);
void scribble_and_talk(uint32_t how);
void descriptor_attack(uint32_t how);
void unmanaged(uint32_t how);
void mapping_attack(uint32_t how);
void thread_attack(uint32_t how);
