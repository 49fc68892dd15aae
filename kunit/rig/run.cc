// SPDX-License-Identifier: GPL-2.0-only
/* Running one case, see case.h. */
#include "case.hpp"

int tce_params_once(unsigned int i, char *buf, unsigned long bytes)
{
	if (buf)
		env_snprintf(buf, bytes, "once");
	return i == 0;
}

void tce_case_run(const struct tce_case *c, unsigned int param)
{
	env_thread *t = env_self();

	*t = {};
	c->body(param);
	if (fake::world) {
		env_panic(__FILE__, __LINE__, "a case left its world behind");
	}
	if (t->nr_held || t->atomic || t->in_user || t->no_fail || t->killed || t->task)
		fake::fail_at(__FILE__, __LINE__, "the case left its thread in a state of its own");
}

namespace fake {

void mismatch(const char *file, int line, const char *what, s64 a, s64 b)
{
	fail_at(file, line, "expected %s, seen %lld (0x%llx) and %lld (0x%llx)", what, a,
		static_cast<u64>(a), b, static_cast<u64>(b));
}

} // namespace fake
