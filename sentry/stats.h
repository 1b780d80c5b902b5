/* stats.h - the sentry's part of --stats. */
#pragma once

/* Init has ended: calls fn when the last process has, but after ten seconds at the latest. At once if there is none. */
void stats_when_quiet(void (*fn)(void));

/* Sends CONTROL_STATS (loader/control.h): what has happened since the start. Never sleeps. */
void stats_send(int control_fd);
