// SPDX-License-Identifier: GPL-2.0-only
/* Writes down every store of the engine's tables. */
#include "recorder.hpp"

constinit bool tce::Watch::recorded = false;

namespace fake {

constinit Recorder *Recorder::current = nullptr;

namespace {

void check_zero(const void *level, u64 bytes)
{
	for (u64 i = 0; i < bytes; i++) {
		if (static_cast<const unsigned char *>(level)[i])
			FAKE_FAIL("a level is born that is not zero");
	}
}

/* The level that an entry leads the hardware to. */
u64 linked_level(u64 entry)
{
	const void *level = world->ioda.level_at(tce_hpa(entry));

	if ((entry & 0xfff) != 3 || !level)
		FAKE_FAIL("a link to nowhere, 0x%llx", entry);
	return reinterpret_cast<unsigned long>(level);
}

} // namespace

} // namespace fake

void tce::Watch::record(Event::Kind kind, const void *at, u64 value)
{
	if (kind == Event::Born)
		fake::check_zero(at, value);
	if (kind == Event::HwLink)
		value = fake::linked_level(value);
	fake::Recorder::current->add({ kind, address(at), value });
}

namespace fake {

Recorder::Recorder(u32 capacity)
	: events_(static_cast<Event *>(env_alloc(capacity * sizeof(Event), 8))), capacity_(capacity)
{
	current = this;
	tce::Watch::recorded = true;
}

Recorder::~Recorder()
{
	tce::Watch::recorded = false;
	current = nullptr;
	env_free(events_);
}

void Recorder::add(Event e)
{
	if (count_ == capacity_) {
		FAKE_FAIL("the recorder is full");
		return;
	}
	events_[count_++] = e;
}

void View::apply(const Event &e)
{
	switch (e.kind) {
	case Event::Born:
		born_.set(e.at / 8, e.value);
		break;
	case Event::Dies:
		for (u64 i = 0; i < born_.get(e.at / 8) / 8; i++)
			words_.set(e.at / 8 + i, 0);
		born_.set(e.at / 8, 0);
		break;
	case Event::Store:
		words_.set(e.at / 8, e.value);
		break;
	case Event::Link:
		/* The first level to be hung in is the top. */
		if (!root_)
			root_ = e.at;
		else if (walked_ && !hw_linked_)
			FAKE_FAIL("a level is hung in that the hardware does not find");
		hw_linked_ = false;
		words_.set(e.at / 8, e.value);
		break;
	case Event::HwLink: {
		const u64 at = e.value / 8;

		if (!born_.get(at))
			FAKE_FAIL("a link to what is no level, 0x%llx", e.value);
		for (u64 i = 0; i < born_.get(at) / 8; i++) {
			if (words_.get(at + i))
				FAKE_FAIL("a link to a level that is not empty");
		}
		if (words_.get(e.at / 8))
			FAKE_FAIL("a link replaces a link");
		words_.set(e.at / 8, e.value);
		hw_linked_ = true;
		break;
	}
	}
}

/* From level to level by what hardware reads. */
View::Seen View::look_hw(u64 index) const
{
	u64 level = planted_;

	for (u32 height = geometry_.levels() - 1; height; height--) {
		if (!born_.get(level / 8))
			return { true, 0 };

		level = words_.get(level / 8 + geometry_.slot(height, tce::TceIndex(index)));
		if (!level)
			return { false, 0 };
	}
	if (born_.get(level / 8) != geometry_.leaf_entries() * 8)
		return { true, 0 };
	return { false, words_.get(level / 8 + geometry_.slot(0, tce::TceIndex(index))) };
}

View::Seen View::look(u64 index) const
{
	if (walked_)
		return look_hw(index);

	u64 level = root_ ? words_.get(root_ / 8) : 0;

	for (u32 height = geometry_.levels() - 1; height && level; height--) {
		const u64 slot = geometry_.slot(height, tce::TceIndex(index));

		if (born_.get(level / 8) != geometry_.level_entries(height) * 8)
			return { true, 0 };
		level = words_.get(level / 8 + slot);
	}
	if (!level)
		return { false, 0 };

	if (born_.get(level / 8) != geometry_.leaf_entries() * 8)
		return { true, 0 };
	return { false, words_.get(level / 8 + geometry_.slot(0, tce::TceIndex(index))) };
}

} // namespace fake
