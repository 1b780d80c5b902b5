/* epoll.h - sets of files with a list of those that are ready (epoll(7)). */
#pragma once

#include <sys/epoll.h>

#include "sentry/vfs/file.h"

int epoll_new(struct file **out) MUST_CHECK;
bool is_epoll(const struct file *f);

/* EPOLL_CTL_ADD, MOD, DEL of fd, which is f now. -EEXIST, -ENOENT, -ELOOP, -EINVAL, -EPERM, -ENOSPC. Never sleeps. */
int epoll_ctl_add(struct file *epf, struct file *f, int fd, const struct epoll_event *ev) MUST_CHECK;
int epoll_ctl_mod(struct file *epf, struct file *f, int fd, const struct epoll_event *ev) MUST_CHECK;
int epoll_ctl_del(struct file *epf, struct file *f, int fd) MUST_CHECK;

/* epoll_ctl(2), once its event is there. Never sleeps. */
long epoll_ctl_fd(struct task *t, int epfd, int op, int fd, const struct epoll_event *ev) MUST_CHECK;

/* epoll_post.c: changes that t's platform answers by itself. Learns from one that succeeded; sees before guest code goes on
 * whether that may go on; makes what was posted. Never sleep. */
void epoll_posts_learn(struct task *t, int epfd, int op, int fd);
void epoll_posts_check(struct task *t);
void epoll_posts_make(struct task *t);

/* Hands up to max events that are ready now to put(), a few at a time: `at` counts those before. If that fails, these stay
 * ready. The number taken, or put()'s error if there is none. Never sleeps. */
typedef int (*epoll_put_fn)(void *arg, const struct epoll_event *ev, int n, int at);
int epoll_collect(struct file *epf, int max, epoll_put_fn put, void *arg) MUST_CHECK;

/* May something be ready? What epoll_wait sleeps for, on epf->wq. */
bool epoll_maybe_ready(struct file *epf);

/* file_put() calls it for a file with epitems whose last reference is gone, before ops->release. */
void epoll_file_released(struct file *f);
