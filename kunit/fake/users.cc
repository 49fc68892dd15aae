// SPDX-License-Identifier: GPL-2.0-only
/* Grace periods; see users.hpp. */
#include "users.hpp"

namespace fake {

template <> constinit Users *Part<Users>::here = nullptr;

/* What tce_later has room for. */
struct Users::Later {
	Later *next;
	void (*fn)(tce_later *l);
	u64 stamp;
};

struct Users::Block {
	Block *next;
	void *p;
	u64 stamp;
};

void Users::enter(bool section)
{
	if (nr_ == kMost)
		env_panic(__FILE__, __LINE__, "too many threads");
	inside_[nr_++] = { env_self(), ++clock_, section, false };
}

void Users::leave(bool section)
{
	for (u32 i = 0; i < nr_; i++) {
		if (inside_[i].who == env_self() && inside_[i].section == section) {
			inside_[i] = inside_[--nr_];
			return;
		}
	}
}

bool Users::anybody(u64 stamp, bool all) const
{
	for (u32 i = 0; i < nr_; i++) {
		const Inside &in = inside_[i];

		if (in.since <= stamp && (in.section || (all && !in.asleep)))
			return true;
	}
	return false;
}

void Users::section_begins()
{
	Guard g;

	enter(true);
}

void Users::section_ends()
{
	Guard g;

	leave(true);
}

void Users::yields()
{
	env_thread *t = env_self();

	if (t->yielding || !t->nr_held)
		return;
	t->yielding = 1;

	Guard g;

	enter(false);
}

void Users::quiet()
{
	env_thread *t = env_self();

	if (!t->yielding)
		return;
	t->yielding = 0;

	Guard g;

	leave(false);
}

void Users::asleep(bool is)
{
	if (!env_self()->yielding)
		return;

	Guard g;

	for (u32 i = 0; i < nr_; i++) {
		if (inside_[i].who == env_self() && !inside_[i].section)
			inside_[i].asleep = is;
	}
}

void Users::wait()
{
	u64 stamp;

	asleep(true);
	{
		Guard g;

		stamp = clock_;
	}
	for (;;) {
		{
			Guard g;

			if (!anybody(stamp, true))
				break;
		}
		env_yield();
	}
	asleep(false);
}

void Users::later(tce_later *l, void (*fn)(tce_later *l))
{
	static_assert(sizeof(Later) <= sizeof(*l));

	auto *later = reinterpret_cast<Later *>(l);
	Guard g;

	*later = { laters_, fn, clock_ };
	laters_ = later;
}

void Users::free_later(void *p)
{
	auto *block = static_cast<Block *>(env_alloc(sizeof(Block), 8));
	Guard g;

	*block = { blocks_, p, clock_ };
	blocks_ = block;
}

void Users::run_later()
{
	const env_thread *t = env_self();

	if (t->nr_held || t->atomic || t->in_user)
		return;
	for (;;) {
		Later *l = nullptr;
		Block *b = nullptr;
		{
			Guard g;

			for (Later **at = &laters_; *at; at = &(*at)->next) {
				if (!anybody((*at)->stamp, false)) {
					l = *at;
					*at = l->next;
					break;
				}
			}
			for (Block **at = &blocks_; !l && *at; at = &(*at)->next) {
				if (!anybody((*at)->stamp, false)) {
					b = *at;
					*at = b->next;
					break;
				}
			}
		}
		if (l) {
			/* As call_rcu_tasks() does. */
			Atomic atomic;

			l->fn(reinterpret_cast<tce_later *>(l));
		} else if (b) {
			env_free(b->p);
			env_free(b);
		} else {
			return;
		}
	}
}

Users::~Users()
{
	while (Block *b = blocks_) {
		blocks_ = b->next;
		env_free(b->p);
		env_free(b);
	}
}

u64 Users::waiting() const
{
	u64 n = 0;

	for (const Later *l = laters_; l; l = l->next)
		n++;
	return n;
}

void Users::check_balance() const
{
	if (waiting())
		FAKE_FAIL("%llu calls that wait for KVM left at the end", waiting());
}

} // namespace fake
