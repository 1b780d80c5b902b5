/* A process with threads whose states a reader of /proc/PID/mem finds (stacks.py). */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct state {
	struct state *next;
	char name[24];
	long depth;
};
struct state *volatile interp_head;
static struct state states[4];

static void *run(void *arg)
{
	for (;;)
		pause();
	return arg;
}

int main(void)
{
	pthread_t t;
	for (int i = 0; i < 4; i++) {
		snprintf(states[i].name, sizeof(states[i].name), "thread-%d", i);
		states[i].depth = i * 100;
		states[i].next = interp_head;
		interp_head = &states[i];
		if (i)
			pthread_create(&t, NULL, run, NULL);
	}
	FILE *f = fopen("ready.tmp", "w");
	fprintf(f, "%d\n", getpid());
	fclose(f);
	rename("ready.tmp", "ready");
	run(NULL);
}
