// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Locks".
 *
 * Classes nest in the order of enum tce_lock_class, each at most once; a thread
 * gives back only what it holds; nothing that can sleep is taken under a
 * spinlock. Checked on every call, so one thread is enough to find an
 * inversion.
 */
#include "lock.hpp"

namespace fake {

template <> constinit Locks *Part<Locks>::here = nullptr;

namespace {

constexpr u32 kMagic = 0x10c310c3;

enum Kind : u32 { kMutex, kRwsem, kSpin };

struct Head {
	u32 magic;
	Kind kind;
	u32 cls;
	u32 pad;
};

struct Mutex {
	Head head;
	alignas(8) unsigned char env[ENV_MUTEX_BYTES];
};

struct Rwsem {
	Head head;
	alignas(8) unsigned char env[ENV_RWSEM_BYTES];
};

struct Spin {
	Head head;
	alignas(8) unsigned char env[ENV_SPIN_BYTES];
};

static_assert(sizeof(Mutex) <= sizeof(tce_mutex) && sizeof(Rwsem) <= sizeof(tce_rwsem) &&
	      sizeof(Spin) <= sizeof(tce_spinlock));

constinit tce_mutex owners = {};
constinit bool owners_ready = false;

const char *class_name(u32 cls)
{
#define CLASS_NAME(id, name) #name,
#define CLASS_NAME(id, name) #name,
	static const char *const names[] = { TCE_LOCK_CLASS_LIST(CLASS_NAME) };
#undef CLASS_NAME

	return cls < TCE_LOCK_CLASSES ? names[cls] : "?";
}

void init(Head &h, Kind kind, u32 cls)
{
	Guard g;

	h = { kMagic, kind, cls, 0 };
	/* Spinlocks have no destroy. */
	if (kind != kSpin)
		Locks::here->live_locks++;
}

void check(const Head &h, Kind kind)
{
	if (h.magic != kMagic || h.kind != kind)
		env_panic(__FILE__, __LINE__, "use of a lock that is none (freed or never made)");
}

int find_held(const env_thread *t, const void *lock)
{
	for (u32 i = 0; i < t->nr_held; i++) {
		if (t->held[i] == lock)
			return static_cast<int>(i);
	}
	return -1;
}

void destroy(Head &h, Kind kind)
{
	check(h, kind);
	if (find_held(env_self(), &h) >= 0)
		env_panic(__FILE__, __LINE__, "a lock is destroyed while held");
	h.magic = 0;

	Guard g;

	Locks::here->live_locks--;
}

/*
 * False: do not take the lock below.  A case that misuses locks on purpose is
 * not for lockdep, which gives up after its first report.
 */
bool before(const Head &h, Kind kind)
{
	const env_thread *t = env_self();
	bool good = true;

	check(h, kind);
	if (find_held(t, &h) >= 0)
		env_panic(__FILE__, __LINE__, "deadlock: a lock is taken twice");
	for (u32 i = 0; i < t->nr_held; i++) {
		if (t->held_class[i] >= h.cls) {
			good = false;
			FAKE_FAIL("lock order: %s is taken under %s", class_name(h.cls),
				  class_name(t->held_class[i]));
		}
	}
	if (kind != kSpin && (t->nr_spins || t->atomic || t->in_user)) {
		good = false;
		FAKE_FAIL("%s lock may sleep but is taken in atomic context", class_name(h.cls));
	}
	if (t->nr_held == ENV_HELD_MAX)
		env_panic(__FILE__, __LINE__, "too many locks held");
	return good || !is_catching();
}

void after(const Head &h, bool write, bool taken)
{
	env_thread *t = env_self();

	t->held[t->nr_held] = &h;
	t->held_class[t->nr_held] = static_cast<unsigned char>(h.cls);
	t->held_write[t->nr_held] = write;
	t->held_taken[t->nr_held] = taken;
	t->nr_held++;
	if (h.kind == kSpin)
		t->nr_spins++;
}

/* Returns what before() did. */
bool release(const Head &h, Kind kind, bool write)
{
	env_thread *t = env_self();
	const int at = find_held(t, &h);

	check(h, kind);
	if (at < 0)
		env_panic(__FILE__, __LINE__, "a lock is released that is not held");
	if (t->held_write[at] != write)
		env_panic(__FILE__, __LINE__, "a rwsem is released for the wrong side");

	const bool taken = t->held_taken[at];

	for (u32 i = static_cast<u32>(at) + 1; i < t->nr_held; i++) {
		t->held[i - 1] = t->held[i];
		t->held_class[i - 1] = t->held_class[i];
		t->held_write[i - 1] = t->held_write[i];
		t->held_taken[i - 1] = t->held_taken[i];
	}
	t->nr_held--;
	if (kind == kSpin)
		t->nr_spins--;
	if (!t->nr_held)
		Users::here->quiet();
	return taken;
}

void assert_held(const Head &h, Kind kind, bool write)
{
	const env_thread *t = env_self();
	const int at = find_held(t, &h);

	check(h, kind);
	if (at < 0 || (write && !t->held_write[at]))
		FAKE_FAIL("%s lock should be held and is not", class_name(h.cls));
}

template <typename T, typename S>
T &as(S *s)
{
	return *reinterpret_cast<T *>(s);
}

template <typename T, typename S>
const T &as_const(const S *s)
{
	return *reinterpret_cast<const T *>(s);
}

/* Is this where the caller is killed while it waits for a container? */
bool killed_here()
{
	Guard g;

	if (!Locks::here->locks_until_killed)
		return false;
	Locks::here->locks_until_killed--;
	return !Locks::here->locks_until_killed;
}

} // namespace

void lock_check_none_held(const char *what)
{
	if (env_self()->nr_held)
		FAKE_FAIL("%u locks held at %s", env_self()->nr_held, what);
}

void Locks::check_balance() const
{
	if (live_locks)
		FAKE_FAIL("%lld locks left at the end", live_locks);
}

} // namespace fake

using namespace fake;

void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class cls)
{
	Mutex &l = as<Mutex>(m);

	__builtin_memset(m, 0, sizeof(*m));
	init(l.head, kMutex, cls);
	env_mutex_init(l.env, cls);
}

void tce_port_mutex_destroy(struct tce_mutex *m)
{
	Mutex &l = as<Mutex>(m);

	destroy(l.head, kMutex);
	env_mutex_destroy(l.env);
}

void tce_port_mutex_lock(struct tce_mutex *m)
{
	Mutex &l = as<Mutex>(m);

	const bool take = before(l.head, kMutex);

	if (take) {
		Users::here->asleep(true);
		env_mutex_lock(l.env);
		Users::here->asleep(false);
	}
	after(l.head, true, take);
}

int tce_port_mutex_lock_killable(struct tce_mutex *m)
{
	{
		Guard g;

		if (Base::here->inject(Site::Killed))
			return err::kIntr;
	}
	tce_port_mutex_lock(m);
	return 0;
}

void tce_port_mutex_unlock(struct tce_mutex *m)
{
	Mutex &l = as<Mutex>(m);

	if (release(l.head, kMutex, true))
		env_mutex_unlock(l.env);
	moment();
}

void tce_port_mutex_assert_held(const struct tce_mutex *m)
{
	assert_held(as_const<Mutex>(m).head, kMutex, true);
}

void tce_port_rwsem_init(struct tce_rwsem *s, enum tce_lock_class cls)
{
	Rwsem &l = as<Rwsem>(s);

	__builtin_memset(s, 0, sizeof(*s));
	init(l.head, kRwsem, cls);
	env_rwsem_init(l.env, cls);
}

void tce_port_rwsem_destroy(struct tce_rwsem *s)
{
	Rwsem &l = as<Rwsem>(s);

	destroy(l.head, kRwsem);
	env_rwsem_destroy(l.env);
}

int tce_port_rwsem_read_lock_killable(struct tce_rwsem *s)
{
	if (killed_here())
		return err::kIntr;

	Rwsem &l = as<Rwsem>(s);

	const bool take = before(l.head, kRwsem);

	if (take) {
		Users::here->asleep(true);
		env_rwsem_read_lock(l.env);
		Users::here->asleep(false);
	}
	after(l.head, false, take);
	return 0;
}

int tce_port_rwsem_read_trylock(struct tce_rwsem *s)
{
	Rwsem &l = as<Rwsem>(s);

	if (Locks::here->writer_waits)
		return 0;

	const bool take = before(l.head, kRwsem);

	if (take && !env_rwsem_read_trylock(l.env))
		return 0;
	after(l.head, false, take);
	return 1;
}

void tce_port_rwsem_read_unlock(struct tce_rwsem *s)
{
	Rwsem &l = as<Rwsem>(s);

	if (release(l.head, kRwsem, false))
		env_rwsem_read_unlock(l.env);
	moment();
}

void tce_port_rwsem_write_lock(struct tce_rwsem *s)
{
	Rwsem &l = as<Rwsem>(s);

	if (auto *hook = Locks::here->on_write_lock) {
		Locks::here->on_write_lock = nullptr;
		hook(Locks::here->write_lock_arg);
		Locks::here->on_write_lock = hook;
	}

	const bool take = before(l.head, kRwsem);

	if (take) {
		Users::here->asleep(true);
		env_rwsem_write_lock(l.env);
		Users::here->asleep(false);
	}
	after(l.head, true, take);
}

int tce_port_rwsem_write_lock_killable(struct tce_rwsem *s)
{
	if (killed_here())
		return err::kIntr;
	tce_port_rwsem_write_lock(s);
	return 0;
}

void tce_port_rwsem_write_unlock(struct tce_rwsem *s)
{
	Rwsem &l = as<Rwsem>(s);

	if (release(l.head, kRwsem, true))
		env_rwsem_write_unlock(l.env);
}

void tce_port_rwsem_assert_held(const struct tce_rwsem *s)
{
	assert_held(as_const<Rwsem>(s).head, kRwsem, false);
}

void tce_port_rwsem_assert_held_write(const struct tce_rwsem *s)
{
	assert_held(as_const<Rwsem>(s).head, kRwsem, true);
}

void tce_port_spin_init(struct tce_spinlock *s, enum tce_lock_class cls)
{
	Spin &l = as<Spin>(s);

	__builtin_memset(s, 0, sizeof(*s));
	init(l.head, kSpin, cls);
	env_spin_init(l.env, cls);
}

void tce_port_spin_lock(struct tce_spinlock *s)
{
	Spin &l = as<Spin>(s);

	const bool take = before(l.head, kSpin);

	if (take)
		env_spin_lock(l.env);
	after(l.head, true, take);
}

void tce_port_spin_unlock(struct tce_spinlock *s)
{
	Spin &l = as<Spin>(s);

	if (release(l.head, kSpin, true))
		env_spin_unlock(l.env);
	moment();
}

void tce_port_spin_assert_held(const struct tce_spinlock *s)
{
	assert_held(as_const<Spin>(s).head, kSpin, true);
}

void tce_port_owners_lock(void)
{
	{
		Guard g;

		if (!owners_ready) {
			Mutex &l = as<Mutex>(&owners);

			l.head = { kMagic, kMutex, TCE_LOCK_OWNERS, 0 };
			env_mutex_init(l.env, TCE_LOCK_OWNERS);
			owners_ready = true;
		}
	}
	tce_port_mutex_lock(&owners);
}

void tce_port_owners_unlock(void)
{
	tce_port_mutex_unlock(&owners);
}
