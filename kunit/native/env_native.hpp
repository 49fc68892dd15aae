// SPDX-License-Identifier: GPL-2.0-only
/* What the native runner tells its env. */
#ifndef TCE_HOST_ENV_HOST_HPP
#define TCE_HOST_ENV_HOST_HPP

#include <functional>

#include "../fake/env.h"

using FailHook = std::function<void(const char *file, int line, const char *text)>;

/* Where failures go from now on; also sets the count of them to 0. */
void env_native_set_hook(FailHook hook);
unsigned int env_native_failures();
void env_native_set_knob(enum env_knob which, unsigned long long value);

#endif /* TCE_HOST_ENV_HOST_HPP */
