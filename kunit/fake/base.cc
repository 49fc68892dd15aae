// SPDX-License-Identifier: GPL-2.0-only
/* What all parts of the fake stand on. */
#include "base.hpp"

namespace fake {

template <> constinit Base *Part<Base>::here = nullptr;

void moment()
{
	/* The case's own vCPU calls the port as well. */
	if (!Base::here || !Base::here->on_moment || env_self()->in_user || env_self()->in_moment)
		return;
	env_self()->in_moment = 1;
	Base::here->on_moment(Base::here->moment_arg, env_self()->nr_spins > 0);
	env_self()->in_moment = 0;
}

void expect_process_context(const char *what)
{
	const env_thread *t = env_self();

	if (t->nr_spins || t->atomic || t->in_user)
		FAKE_FAIL("%s may sleep but is called in atomic context", what);
}

void begin_step()
{
	env_self()->look_ups = 0;
	env_self()->notes = 0;
}

void as_task(u32 n)
{
	env_self()->task = n;
}

const char *site_name(Site s)
{
#define FAKE_SITE_NAME(id, name) #name,
	static const char *const names[] = { FAKE_SITES(FAKE_SITE_NAME) };
#undef FAKE_SITE_NAME

	return s < Site::Count ? names[static_cast<u32>(s)] : "?";
}

void Base::fail_nth(u64 nth, u32 sites, bool sticky, long status, u32 apply)
{
	inject_state = {};
	inject_state.sites = sites;
	inject_state.nth = nth;
	inject_state.sticky = sticky;
	inject_state.status = status;
	inject_state.apply = apply;
}

bool Base::inject(Site s)
{
	Inject &in = inject_state;

	if (!in.nth || !(in.sites & site_bit(s)) || env_self()->no_fail)
		return false;
	in.seen++;
	if (in.seen != in.nth && !(in.sticky && in.seen > in.nth))
		return false;
	in.fired++;
	in.last = s;
	return true;
}

} // namespace fake
