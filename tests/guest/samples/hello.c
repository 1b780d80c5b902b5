/* hello.c - the smallest hosted program; built static, static-pie, and against musl. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *home = getenv("HOME");
	printf("hello, %d argument%s, home %s\n", argc - 1, argc == 2 ? "" : "s",
	       home ? home : "unknown");
	return argc > 1 ? atoi(argv[1]) : 0;
}
