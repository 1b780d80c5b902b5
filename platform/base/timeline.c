/* timeline.c - see timeline.h. */
#include "platform/base/timeline.h"

#include <sys/mman.h>

uint64_t *timeline_page;

void timeline_begin(uint64_t first_ns)
{
	void *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	timeline_page = p;
	timeline_page[TIMELINE_LOADER] = first_ns;
}
