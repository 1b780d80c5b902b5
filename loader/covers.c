/* covers.c - which guest tests cover a system call: the COVERS() lines of tests/guest, collected when this was built. */
#include "loader/covers.h"

#include <string.h>

#include "platform/base/base.h"

static const struct {
	const char *name, *tests;
} covers[] = {
#include "covers_list.h"
};

const char *covers_of(const char *syscall)
{
	for (size_t i = 0; i < ARRAY_SIZE(covers); i++)
		if (strcmp(covers[i].name, syscall) == 0)
			return covers[i].tests;
	return "";
}

const char *covers_name(int i)
{
	return (size_t)i < ARRAY_SIZE(covers) ? covers[i].name : NULL;
}
