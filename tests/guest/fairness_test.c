/* fairness_test.c - many who call the kernel all the time: each gets its turn. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/guest/guest.h"

#define WHO 8
#define MEASURED_MS 600                   /* many turns of everybody */
#define SHARE 20                          /* so many times fewer calls than the luckiest are too few */

struct board {
	atomic_long calls[WHO];
	atomic_int ready;
	atomic_bool go, over;
};
static struct board *board;

static void call_until_over(int who)
{
	struct stat st;
	board->ready++;
	while (!board->go)
		fstat(0, &st);
	while (!board->over) {
		fstat(0, &st);
		board->calls[who]++;
	}
}

static void *calling_thread(void *who)
{
	call_until_over((int)(intptr_t)who);
	return NULL;
}

static void new_board(void)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(board != MAP_FAILED);
}

static void let_them_call(int callers)
{
	while (board->ready < callers)
		poll(NULL, 0, 1);
	board->go = true;
	poll(NULL, 0, MEASURED_MS);
	board->over = true;
}

static void nobody_was_left_out(int callers)
{
	long most = 0;
	for (int i = 0; i < callers; i++)
		most = board->calls[i] > most ? board->calls[i] : most;
	for (int i = 0; i < callers; i++)
		EXPECT(board->calls[i] >= most / SHARE);
	EXPECT(most > 0);
}

TEST(threads_of_a_process)
{
	pthread_t t[WHO];
	new_board();
	for (intptr_t i = 0; i < WHO; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, calling_thread, (void *)i), 0);
	let_them_call(WHO);
	for (int i = 0; i < WHO; i++)
		pthread_join(t[i], NULL);
	nobody_was_left_out(WHO);
}

TEST(processes)
{
	pid_t pid[WHO];
	new_board();
	for (int i = 0; i < WHO; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			call_until_over(i);
			_exit(0);
		}
		ASSERT(pid[i] > 0);
	}
	let_them_call(WHO);
	for (int i = 0; i < WHO; i++)
		waitpid(pid[i], NULL, 0);
	nobody_was_left_out(WHO);
}

static void *compute(void *steps)
{
	for (atomic_long *n = steps; !board->over; (*n)++)
		;
	return NULL;
}

/* Who computes does not keep those who call from it, nor they them. */
TEST(callers_beside_who_compute)
{
	enum { COMPUTE = 2, CALL = WHO - COMPUTE };
	static atomic_long steps[COMPUTE];
	pthread_t t[WHO];
	new_board();
	for (intptr_t i = 0; i < CALL; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, calling_thread, (void *)i), 0);
	for (int i = 0; i < COMPUTE; i++)
		ASSERT_EQ(pthread_create(&t[CALL + i], NULL, compute, &steps[i]), 0);
	let_them_call(CALL);
	for (int i = 0; i < WHO; i++)
		pthread_join(t[i], NULL);
	nobody_was_left_out(CALL);
	for (int i = 0; i < COMPUTE; i++)
		EXPECT(steps[i] > 0);
}
