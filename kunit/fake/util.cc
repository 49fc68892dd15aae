// SPDX-License-Identifier: GPL-2.0-only
/* Small tools for the fake. */
#include "util.hpp"

namespace fake {

static constinit Caught *catching = nullptr;

bool is_catching()
{
	return catching;
}

Caught::Caught() : outer_(catching)
{
	catching = this;
}

Caught::~Caught()
{
	catching = outer_;
}

void fail_at(const char *file, int line, const char *fmt, ...)
{
	char text[256];
	__builtin_va_list ap;

	if (catching) {
		catching->count_++;
		return;
	}
	__builtin_va_start(ap, fmt);
	env_vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	env_fail(file, line, text);
}

void log(const char *fmt, ...)
{
	char text[256];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	env_vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	env_log(text);
}

Sparse::~Sparse()
{
	clear();
	env_free(static_cast<void *>(buckets_));
}

u32 Sparse::hash(u64 key)
{
	return static_cast<u32>((key * 0x9e3779b97f4a7c15ull) >> 32) % kBuckets;
}

Sparse::Block *Sparse::find(u64 key) const
{
	if (!buckets_)
		return nullptr;
	for (Block *p = buckets_[hash(key)]; p; p = p->next) {
		if (p->key == key)
			return p;
	}
	return nullptr;
}

u64 Sparse::get(u64 index) const
{
	const Block *p = find(index / kBlock);

	return p ? p->value[index % kBlock] : 0;
}

void Sparse::set(u64 index, u64 value)
{
	const u64 key = index / kBlock;
	Block *p = find(key);

	if (!p) {
		if (!value)
			return;
		if (!buckets_) {
			buckets_ =
				static_cast<Block **>(env_alloc(kBuckets * sizeof(*buckets_), 8));
		}
		p = static_cast<Block *>(env_alloc(sizeof(*p), 8));
		p->key = key;
		p->next = buckets_[hash(key)];
		buckets_[hash(key)] = p;
	}

	u64 &slot = p->value[index % kBlock];

	if (!slot != !value) {
		p->used += value ? 1 : -1u;
		used_ += value ? 1 : -1ull;
	}
	slot = value;
}

void Sparse::clear()
{
	for (u32 b = 0; buckets_ && b < kBuckets; b++) {
		while (buckets_[b]) {
			Block *p = buckets_[b];

			buckets_[b] = p->next;
			env_free(p);
		}
	}
	used_ = 0;
}

} // namespace fake
