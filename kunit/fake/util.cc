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
	while (Block *p = spare_) {
		spare_ = p->next;
		env_free(p);
	}
	env_free(static_cast<void *>(buckets_));
}

u32 Sparse::hash(u64 key)
{
	return static_cast<u32>(key * 0x9e3779b97f4a7c15ull >> (64 - kBucketsLg2));
}

Sparse::Block *Sparse::find(u64 key) const
{
	if (!blocks_)
		return nullptr;
	for (Block *p = buckets_[hash(key)]; p; p = p->in_bucket) {
		if (p->key == key)
			return p;
	}
	return nullptr;
}

Sparse::Block &Sparse::make(u64 key)
{
	Block *p = spare_;

	if (!buckets_)
		buckets_ = static_cast<Block **>(env_alloc(kBuckets * sizeof(*buckets_), 8));
	if (p) {
		spare_ = p->next;
		__builtin_memset(p, 0, sizeof(*p));
	} else {
		p = static_cast<Block *>(env_alloc(sizeof(*p), 8));
	}
	p->key = key;
	p->next = blocks_;
	blocks_ = p;
	p->in_bucket = buckets_[hash(key)];
	buckets_[hash(key)] = p;
	return *p;
}

u64 Sparse::put(Block &block, u32 at, u64 value)
{
	const u64 old = block.value[at];

	if (!old != !value) {
		block.used += value ? 1 : -1u;
		used_ += value ? 1 : -1ull;
	}
	block.value[at] = value;
	return old;
}

u64 Sparse::get(u64 index) const
{
	const Block *p = find(index / kBlock);

	return p ? p->value[index % kBlock] : 0;
}

u64 Sparse::exchange(u64 index, u64 value)
{
	Block *p = find(index / kBlock);

	if (!p && !value)
		return 0;
	return put(p ? *p : make(index / kBlock), index % kBlock, value);
}

u64 Sparse::add(u64 index, s64 difference)
{
	Block *p = find(index / kBlock);
	Block &block = p ? *p : make(index / kBlock);
	const u64 sum = block.value[index % kBlock] + static_cast<u64>(difference);

	put(block, index % kBlock, sum);
	return sum;
}

void Sparse::zero(u64 first, u64 nr)
{
	for (u64 i = first; used_ && i - first < nr;) {
		Block *p = find(i / kBlock);
		const u64 end = (i / kBlock + 1) * kBlock;

		for (; p && i < end && i - first < nr; i++)
			put(*p, i % kBlock, 0);
		i = end;
	}
}

void Sparse::clear()
{
	while (Block *p = blocks_) {
		buckets_[hash(p->key)] = nullptr;
		blocks_ = p->next;
		p->next = spare_;
		spare_ = p;
	}
	used_ = 0;
}

} // namespace fake
