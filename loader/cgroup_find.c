/* cgroup_find.c - where this process's cgroups are: /proc/self/cgroup says in which, /proc/self/mountinfo says where.
 *
 * LINUX    cgroups(7), proc_pid_mountinfo(5). A v1 controller is in a hierarchy of its own or shared ("cpu,cpuacct"); one
 *          that no v1 hierarchy has is v2's, whose line has no names ("0::/path"). */
#include "loader/cgroup_find.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Is word one of the comma-separated words of list? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = list; p && (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ',') && (p[len] == '\0' || p[len] == ','))
			return true;
	return false;
}

/* Path of our cgroup in its hierarchy. v2: controller is "". */
static char *find_path(const char *controller)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char *line = NULL, *found = NULL;
	size_t room = 0;
	while (f && !found && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		char *names = strchr(line, ':');
		char *path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		names++;
		if (*controller ? has_word(names, controller) : *names == '\0')
			found = xstrdup(path);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Where a hierarchy is mounted, and which of its directories is there. */
static char *find_mount(const char *controller, const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *found = NULL;
	size_t room = 0;
	while (f && !found && getline(&line, &room, f) > 0) {
		char root[4096], point[4096], type[64], source[256], options[1024];
		char *tail = strstr(line, " - ");
		if (!tail || sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2 ||
		    sscanf(tail, " - %63s %255s %1023s", type, source, options) != 3)
			continue;
		if (*controller ? strcmp(type, "cgroup") != 0 || !has_word(options, controller) : strcmp(type, "cgroup2") != 0)
			continue;
		size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(path, root, len) != 0)
			continue;
		const char *below = strcmp(path + len, "/") == 0 ? "" : path + len;
		CHECK(asprintf(&found, "%s%s", point, below) >= 0);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static char *find(const char *controller)
{
	AUTO(free) char *path = find_path(controller);
	return path ? find_mount(controller, path) : NULL;
}

static bool v2_has(const char *dir, const char *controller)
{
	char path[4200], list[512];
	snprintf(path, sizeof(path), "%s/cgroup.controllers", dir);
	FILE *f = fopen(path, "re");
	bool has = false;
	if (f && fgets(list, sizeof(list), f)) {
		list[strcspn(list, "\n")] = '\0';
		for (char *p = list; (p = strchr(p, ' ')); )
			*p = ',';
		has = has_word(list, controller);
	}
	if (f)
		fclose(f);
	return has;
}

char *cgroup_find(const char *controller, bool *out_v1)
{
	char *dir = find(controller);
	*out_v1 = dir != NULL;
	if (dir)
		return dir;
	dir = find("");
	if (dir && !v2_has(dir, controller)) {
		free(dir);
		dir = NULL;
	}
	return dir;
}
