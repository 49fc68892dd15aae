// SPDX-License-Identifier: GPL-2.0-only
/* fake/env.h in a process: real threads, real locks. */
#include "env_native.hpp"

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>

namespace {

FailHook fail_hook;
std::mutex hook_lock;
unsigned int failures;
unsigned long long knobs[ENV_KNOBS];

pthread_mutex_t world_mutex = PTHREAD_MUTEX_INITIALIZER;

std::atomic<unsigned int> tasks;

/* Failures of one case that are printed; the rest are counted. */
constexpr unsigned int kPrinted = 20;

void must(int rc, const char *what)
{
	if (rc)
		env_panic(__FILE__, __LINE__, what);
}

template <typename T> T *as(void *p)
{
	return static_cast<T *>(p);
}

static_assert(sizeof(pthread_mutex_t) <= ENV_SPIN_BYTES &&
	      sizeof(pthread_mutex_t) <= ENV_MUTEX_BYTES &&
	      sizeof(pthread_rwlock_t) <= ENV_RWSEM_BYTES);

} // namespace

void env_native_set_hook(FailHook hook)
{
	std::lock_guard guard(hook_lock);

	fail_hook = std::move(hook);
	failures = 0;
}

unsigned int env_native_failures()
{
	std::lock_guard guard(hook_lock);

	return failures;
}

void env_native_set_knob(enum env_knob which, unsigned long long value)
{
	knobs[which] = value;
}

void env_fail(const char *file, int line, const char *text)
{
	std::lock_guard guard(hook_lock);

	if (++failures > kPrinted)
		return;
	if (fail_hook)
		fail_hook(file, line, text);
	else
		std::fprintf(stderr, "%s:%d: %s\n", file, line, text);
}

void env_log(const char *text)
{
	std::fprintf(stderr, "    %s%s", text, std::strchr(text, '\n') ? "" : "\n");
}

void env_panic(const char *file, int line, const char *text)
{
	std::fprintf(stderr, "%s:%d: panic: %s\n", file, line, text);
	std::abort();
}

int env_snprintf(char *buf, unsigned long bytes, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const int n = std::vsnprintf(buf, bytes, fmt, ap);
	va_end(ap);
	return n;
}

int env_vsnprintf(char *buf, unsigned long bytes, const char *fmt, __builtin_va_list ap)
{
	return std::vsnprintf(buf, bytes, fmt, ap);
}

unsigned long long env_knob(enum env_knob which)
{
	return knobs[which];
}

unsigned long long env_entropy(void)
{
	std::random_device device;

	return static_cast<unsigned long long>(device()) << 32 | device();
}

unsigned long long env_nsecs(void)
{
	using namespace std::chrono;

	return static_cast<unsigned long long>(
		duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count());
}

void *env_alloc(unsigned long bytes, unsigned long align)
{
	void *p = nullptr;

	if (!bytes)
		bytes = 1;
	if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, bytes))
		env_panic(__FILE__, __LINE__, "out of memory");
	std::memset(p, 0, bytes);
	return p;
}

void env_free(void *p)
{
	std::free(p);
}

env_thread *env_self(void)
{
	static thread_local env_thread self;

	return &self;
}

struct env_task {
	std::thread thread;
};

env_task *env_task_start(void (*fn)(void *arg), void *arg)
{
	tasks++;
	return new env_task{ std::thread(fn, arg) };
}

void env_task_join(env_task *t)
{
	t->thread.join();
	delete t;
	tasks--;
}

/*
 * Alone there is nobody to let go first, and on a machine with much to do it
 * would take long.
 */
void env_yield(void)
{
	if (tasks)
		sched_yield();
}

void env_mutex_init(void *m, unsigned int)
{
	must(pthread_mutex_init(as<pthread_mutex_t>(m), nullptr), "mutex_init");
}

void env_mutex_destroy(void *m)
{
	must(pthread_mutex_destroy(as<pthread_mutex_t>(m)), "mutex destroyed while held");
}

void env_mutex_lock(void *m)
{
	must(pthread_mutex_lock(as<pthread_mutex_t>(m)), "mutex_lock");
}

void env_mutex_unlock(void *m)
{
	must(pthread_mutex_unlock(as<pthread_mutex_t>(m)), "mutex_unlock");
}

void env_rwsem_init(void *s, unsigned int)
{
	pthread_rwlockattr_t attr;

	/*
	 * The kernel's rwsem is fair to writers; so that a test ends, this one
	 * is too.
	 */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	must(pthread_rwlock_init(as<pthread_rwlock_t>(s), &attr), "rwsem_init");
	pthread_rwlockattr_destroy(&attr);
}

void env_rwsem_destroy(void *s)
{
	must(pthread_rwlock_destroy(as<pthread_rwlock_t>(s)), "rwsem destroyed while held");
}

void env_rwsem_read_lock(void *s)
{
	must(pthread_rwlock_rdlock(as<pthread_rwlock_t>(s)), "rwsem_read_lock");
}

int env_rwsem_read_trylock(void *s)
{
	return !pthread_rwlock_tryrdlock(as<pthread_rwlock_t>(s));
}

void env_rwsem_read_unlock(void *s)
{
	must(pthread_rwlock_unlock(as<pthread_rwlock_t>(s)), "rwsem_read_unlock");
}

void env_rwsem_write_lock(void *s)
{
	must(pthread_rwlock_wrlock(as<pthread_rwlock_t>(s)), "rwsem_write_lock");
}

void env_rwsem_write_unlock(void *s)
{
	must(pthread_rwlock_unlock(as<pthread_rwlock_t>(s)), "rwsem_write_unlock");
}

void env_spin_init(void *l, unsigned int cls)
{
	env_mutex_init(l, cls);
}

void env_spin_destroy(void *l)
{
	env_mutex_destroy(l);
}

void env_spin_lock(void *l)
{
	env_mutex_lock(l);
}

void env_spin_unlock(void *l)
{
	env_mutex_unlock(l);
}

void env_world_lock(void)
{
	must(pthread_mutex_lock(&world_mutex), "world_lock");
}

void env_world_unlock(void)
{
	must(pthread_mutex_unlock(&world_mutex), "world_unlock");
}
