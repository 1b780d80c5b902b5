/* env.h - the guest's environment. */
#pragma once

#include "loader/options.h"

/* NULL-terminated. Ours unless --clearenv, made fit for the sandbox, then what -e says. */
const char *const *env_build(const struct options *o);
