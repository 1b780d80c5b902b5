/* stats.h - the sentry's part of --stats. */
#pragma once

/* Sends CONTROL_STATS (loader/control.h): what has happened since the start. Never sleeps. */
void stats_send(int control_fd);
