/* platform.c - choosing a platform by name. */
#include <string.h>

#include "platform/systrap/systrap.h"

const char *pl_default(const char **why_not)
{
	*why_not = NULL;
	return "systrap";
}

int pl_prepare(const char *platform, struct pl_launch *out)
{
	if (strcmp(platform, "systrap") != 0)
		return -EINVAL;
	*out = (struct pl_launch){ .cfg.name = "systrap" };
	return systrap_prepare(out);
}

void pl_template_main(struct pl_launch *l)
{
	systrap_template_main(l);
}

int pl_init(const struct pl_config *cfg)
{
	return systrap_init(cfg);
}

const struct pl_stats *pl_stats(void)
{
	return &systrap_stats;
}
