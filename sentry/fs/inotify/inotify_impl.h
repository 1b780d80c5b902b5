/* inotify_impl.h - what inotify.c (instances) and notify.c (events) share. */
#pragma once

#include <bsd/sys/tree.h>
#include <sys/inotify.h>

#include "sentry/fs/inotify/inotify.h"

struct inotify;

/* Of an inode that is watched: i->watches. Holds a reference on it. */
struct notify_list {
	struct inode *inode;
	TAILQ_HEAD(, watch) watches;
	TAILQ_HEAD(, dmark) marks;        /* F_NOTIFY: dnotify.c */
	uint32_t moved_from;              /* the cookie of the last IN_MOVED_FROM here */
};
struct watch {
	struct inotify *in;
	struct notify_list *list;
	TAILQ_ENTRY(watch) link;          /* list->watches */
	RB_ENTRY(watch) by_wd;            /* in->watches */
	int wd;
	uint32_t mask;
};
RB_HEAD(watch_tree, watch);

struct event {
	TAILQ_ENTRY(event) link;
	struct inotify_event head;        /* its len counts the name's padding */
	char name[];
};

struct inotify {
	struct file file;
	struct waitq wq;
	uint32_t uid;                     /* who is charged for it */
	struct watch_tree watches;
	int next_wd;
	TAILQ_HEAD(event_list, event) events;
	unsigned count;
	size_t bytes;                     /* of all events as read(2) gives them */
};
#define to_inotify(f) container_of(f, struct inotify, file)

/* name: NULL or without padding. */
void inotify_queue(struct inotify *in, int wd, uint32_t mask, uint32_t cookie, const char *name);
/* The inode's list, made if there is none: the caller adds something to it. */
struct notify_list *watch_list_of(struct inode *i);
void dnotify_tell(struct notify_list *list, uint32_t mask, uint32_t cookie);      /* the list stays */
/* The watch ends: IN_IGNORED is queued. true: nothing is on the list any more; the caller frees the list and puts the inode. */
bool watch_remove(struct watch *w);
void watch_list_free(struct notify_list *list);    /* an empty one. May sleep */
