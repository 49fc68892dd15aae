// SPDX-License-Identifier: GPL-2.0-only
#include "guest.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hostile {

using namespace client;

namespace {

constexpr u64 CONTROL_SIZE = MiB;
constexpr u32 CONTROL_SLOT = 0;
constexpr u32 DATA_SLOT = 1;

} // namespace

Guest::Guest(const Plan &plan, Board &board, const Vm &vm, const Memory &data, Container *container,
	     std::vector<Target> targets)
	: plan_{ plan },
	  board_{ board },
	  vm_{ vm },
	  data_{ data },
	  container_{ container },
	  targets_{ std::move(targets) },
	  control_{ Memory::pages(CONTROL_SIZE) }
{
	std::ranges::copy(payload(), control_.bytes().begin() + CODE);
	__builtin___clear_cache(reinterpret_cast<char *>(&control_.bytes()[CODE]),
				reinterpret_cast<char *>(&control_.bytes()[CODE]) +
					payload().size());
	vm_.memory(CONTROL_SLOT, CONTROL, control_);
	vm_.memory(DATA_SLOT, DATA, data_);
	for (unsigned number = 0; number < plan_.vcpus; ++number)
		vcpus_.emplace_back(vm_.kvm(), vm_.vm(), number);
	for (unsigned number = 0; number < plan_.vcpus; ++number)
		threads_.push_back(worker(board_, [this, number] { vcpu(number); }));
}

Guest::~Guest()
{
	over_ = true;
	threads_.clear();
}

void Guest::lose_memory(Random &random) const
{
	vm_.no_memory(DATA_SLOT);
	::usleep(static_cast<unsigned>(random.below(3000)));
	vm_.memory(DATA_SLOT, DATA, data_);
}

const Target *Guest::target(u64 liobn) const
{
	const auto found = std::ranges::find(targets_, liobn, &Target::liobn);
	return found == targets_.end() ? nullptr : &*found;
}

void Guest::refill(Caller &caller, std::span<Call> list, Random &random)
{
	for (Call &call : list)
		if (random.percent(50))
			call = caller.call();
	caller.fill_list(control_.bytes());
}

void Guest::tally(std::span<const Call> list)
{
	board_.counts.calls += list.size();
	for (const Call &call : list)
		++(call.result == H_SUCCESS ? board_.counts.done : board_.counts.refused);
}

void Guest::vcpu(unsigned number)
{
	const u64 seed = plan_.seed * 1000 + number;
	Random random{ seed };
	Caller caller{ seed + 500, plan_.first, targets_, data_.size(), slices_ };
	const u64 place = CALLS + number * CALLS_SIZE;
	const std::span<Call> list{ reinterpret_cast<Call *>(&control_.bytes()[place]),
				    8 + random.below(MOST_CALLS - 8) };
	for (Call &call : list)
		call = caller.call();
	for (u64 turn = 0; turn < 4 * TCE_LIST_COUNT; ++turn)
		caller.fill_list(control_.bytes());

	const Vcpu &vcpu = *std::next(vcpus_.begin(), number);
	vcpu.start(CODE, CONTROL + place, list.size());
	while (!over_) {
		const Status status = vcpu.run();
		if (status == refused(EINTR) || status == refused(EAGAIN))
			continue;
		expect(status, OK, "KVM_RUN");
		kvm_run &run = vcpu.state();
		if (run.exit_reason == KVM_EXIT_INTR)
			continue;
		if (run.exit_reason != KVM_EXIT_PAPR_HCALL)
			fail(cat("the guest ends for reason ", run.exit_reason, ", at instruction ",
				 Hex{ run.hw.hardware_exit_reason }));
		if (run.papr_hcall.nr != H_LIST_DONE) {
			++board_.counts.for_vmm;
			run.papr_hcall.ret = answer(run, random);
			continue;
		}
		tally(list);
		refill(caller, list, random);
		run.papr_hcall.ret = H_SUCCESS;
	}
}

// As QEMU does it, or not.
u64 Guest::answer(const kvm_run &run, Random &random)
{
	const auto &arguments = run.papr_hcall.args;
	const Target *known = target(arguments[0]);
	if (random.percent(plan_.errors) || !known || !container_)
		return random.one_of({ H_PARAMETER, H_HARDWARE });

	const u64 address = arguments[1];
	switch (run.papr_hcall.nr) {
	case H_PUT_TCE:
		return put(*known, address, arguments[2]);
	case H_PUT_TCE_INDIRECT: {
		const u64 list = arguments[2] & ~(TCE_LIST - 1);
		if (list >= control_.size())
			return H_PARAMETER;
		const auto *entries = reinterpret_cast<volatile u64 *>(&control_.bytes()[list]);
		for (u64 index = 0; index < std::min<u64>(arguments[3], 512); ++index)
			if (const u64 result = put(*known, address + (index << known->shift),
						   __builtin_bswap64(entries[index]));
			    result != H_SUCCESS)
				return result;
		return H_SUCCESS;
	}
	case H_STUFF_TCE:
		++board_.counts.ioctls;
		return container_->unmap(address, arguments[3] << known->shift).ok() ? H_SUCCESS :
										       H_PARAMETER;
	}
	return H_PARAMETER;
}

u64 Guest::put(const Target &target, u64 address, u64 tce)
{
	const u64 rights = tce & (TCE_READ | TCE_WRITE);
	const u64 place = (tce & ~rights) - DATA;
	if (rights && place >= data_.size())
		return H_PARAMETER;
	++board_.counts.ioctls;
	// The rights have the values of VFIO's flags.
	const Status status = rights ? container_->map(data_.address() + place, address,
						       target.page(), static_cast<u32>(rights)) :
				       container_->unmap(address, target.page());
	return status.ok() ? H_SUCCESS : H_PARAMETER;
}

} // namespace hostile
