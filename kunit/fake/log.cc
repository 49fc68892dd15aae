// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, messages: everybody is called "process" and has the number of his
 * address space; time stands still, so that a limit that is reached stays
 * reached.
 */
#include "log.hpp"

namespace fake {

template <> constinit Messages *Part<Messages>::here = nullptr;

namespace {

/* What a tce_log_limit holds. */
struct Limit {
	u64 seen;
};

constexpr u32 kText = sizeof(Messages::last_log);

Limit &limit_of(tce_log_who *who, tce_log_kind kind)
{
	static_assert(sizeof(Limit) <= sizeof(tce_log_limit));
	return *reinterpret_cast<Limit *>(who->limits[kind].opaque);
}

bool allows(tce_log_who *who, tce_log_kind kind)
{
	u64 &seen = who ? limit_of(who, kind).seen : Messages::here->log_nobodys[kind];

	if (seen++ >= TCE_LOG_BURST)
		return false;
	return kind != TCE_LOG_MEMLOCK || Messages::here->log_memlock++ < TCE_LOG_BURST;
}

u32 named(const tce_log_who *who)
{
	return who->nr_groups < TCE_LOG_GROUPS ? who->nr_groups : TCE_LOG_GROUPS;
}

/* Returns how long it is. */
u32 name(const tce_log_who *who, char *buf, u32 bytes)
{
	u32 at = static_cast<u32>(env_snprintf(buf, bytes, "%s[%d]", who->comm, who->pid));

	for (u32 i = 0; i < named(who) && at < bytes; i++) {
		at += static_cast<u32>(env_snprintf(buf + at, bytes - at, "%s%d",
						    i		   ? "," :
						    named(who) > 1 ? " groups " :
								     " group ",
						    who->groups[i]));
	}
	if (at < bytes)
		at += static_cast<u32>(env_snprintf(buf + at, bytes - at, ": "));
	return at < bytes ? at : bytes - 1;
}

__attribute__((format(printf, 3, 0))) void line(tce_log_who *who, tce_log_kind kind,
						const char *fmt, __builtin_va_list ap)
{
	char text[kText];
	u32 at = 0;

	if (who)
		at = name(who, text, kText);
	env_vsnprintf(text + at, kText - at, fmt, ap);
	{
		Guard g;

		if (!allows(who, kind)) {
			Messages::here->suppressed_logs++;
			return;
		}
		Messages::here->logs++;
		Messages::here->logs_of[kind]++;
		__builtin_memcpy(Messages::here->last_log, text, sizeof(text));
	}
	if (env_knob(ENV_VERBOSE))
		log("engine: %s", text);
}

} // namespace

bool Messages::last_log_says(const char *part) const
{
	for (const char *at = last_log; *at; at++) {
		u32 i = 0;

		while (part[i] && at[i] == part[i])
			i++;
		if (!part[i])
			return true;
	}
	return false;
}

} // namespace fake

using namespace fake;

void tce_port_log_init(struct tce_log_who *who)
{
	__builtin_memset(who, 0, sizeof(*who));
	tce_port_log_caller(who);
}

void tce_port_log_caller(struct tce_log_who *who)
{
	expect_process_context("tce_port_log_caller");

	const auto *m = static_cast<const tce_mm *>(env_self()->mm);

	env_snprintf(who->comm, sizeof(who->comm), "process");
	who->pid = static_cast<int>(m ? m->index : 0);
}

void tce_port_log_add_group(struct tce_log_who *who, int group)
{
	Guard g;

	for (u32 i = 0; i < named(who); i++) {
		if (who->groups[i] == group)
			return;
	}
	if (who->nr_groups < TCE_LOG_GROUPS)
		who->groups[who->nr_groups] = group;
	who->nr_groups++;
}

void tce_port_log_drop_group(struct tce_log_who *who, int group)
{
	Guard g;
	const u32 nr = named(who);
	u32 i = 0;

	while (i < nr && who->groups[i] != group)
		i++;
	if (i == nr) {
		FAKE_FAIL("messages are not about group %d any more, and never were", group);
		return;
	}
	for (; i + 1 < nr; i++)
		who->groups[i] = who->groups[i + 1];
	who->nr_groups = nr - 1;
}

void tce_port_log_for(struct tce_log_who *who, enum tce_log_kind kind, const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	line(who, kind, fmt, ap);
	__builtin_va_end(ap);
}

void tce_port_log(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	line(nullptr, TCE_LOG_OTHER, fmt, ap);
	__builtin_va_end(ap);
}

void tce_port_log_memlock(struct tce_log_who *who, struct tce_mm *m, tce_u64 npages,
			  const char *what)
{
	expect_process_context("tce_port_log_memlock");

	u64 locked;
	{
		Guard g;

		locked = UserMemory::here->locked_vm(m->index);
	}
	if (who && (locked > m->limit || npages > m->limit - locked)) {
		tce_port_log_for(who, TCE_LOG_MEMLOCK, "%s: %llu pages, %llu of %llu are in use\n",
				 what, npages, locked, m->limit);
	}
}
