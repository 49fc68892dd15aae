/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every test case, once.
 *
 * TCE_SUITES(S) expands S(suite) for each suite; TCE_CASES_<suite>(C) expands
 * C(suite, name, params) for each case of it.  params names a tce_params_*
 * function (case.h).  Preprocessor only: C and C++ runners include this.
 */
#ifndef TCE_CASES_LIST_H
#define TCE_CASES_LIST_H

#define TCE_SUITES(S)								\
	S(fake)									\
	S(geometry)								\
	S(table)								\
	S(region)								\
	S(patience)								\
	S(charge)								\
	S(container)								\
	S(log)									\
	S(books)								\
	S(bounds)								\
	S(papr)									\
	S(doubt)								\
	S(group)								\
	S(kvm)									\
	S(interleave)								\
	S(ioda)									\
	S(v1)									\
	S(sweep)								\
	S(model)								\
	S(race)									\
	S(parts)								\
	S(owner)

/* What the administrator is shown of a container. */
#define TCE_CASES_books(C)							\
	C(books, of_nothing, once)						\
	C(books, of_windows_and_memory, page_shifts)				\
	C(books, of_hardware_tables, once)					\
	C(books, of_a_guest, once)						\
	C(books, of_v1, page_shifts)						\
	C(books, nobody_is_waited_for, once)					\
	C(books, reasons, once)

/* The fake finds what it is there to find. */
#define TCE_CASES_fake(C)							\
	C(fake, lock_order, once)						\
	C(fake, grace_periods, once)						\
	C(fake, later, once)							\
	C(fake, registry_shift, once)						\
	C(fake, tasks, once)							\
	C(fake, sleeping_in_atomic, once)					\
	C(fake, addresses, page_shifts)						\
	C(fake, charges, once)							\
	C(fake, memory_as_mm_iommu, page_shifts)				\
	C(fake, unpin_under_dma, once)						\
	C(fake, hypercalls, once)						\
	C(fake, refusals, once)							\
	C(fake, windows_as_qemu, once)						\
	C(fake, windows_as_lopar, once)						\
	C(fake, injection, once)						\
	C(fake, balance, once)

/* Shapes of tables. */
#define TCE_CASES_geometry(C)							\
	C(geometry, every_shape, iommu_shifts)					\
	C(geometry, every_walked_shape, iommu_shifts)				\
	C(geometry, slots, shapes)						\
	C(geometry, leaf_count, shapes)						\
	C(geometry, refused, once)						\
	C(geometry, small_top, once)

/* The radix table by itself. */
#define TCE_CASES_table(C)							\
	C(table, every_level, shapes)						\
	C(table, on_demand, shapes)						\
	C(table, holes, shapes)							\
	C(table, cursor, shapes)						\
	C(table, prepare_fails, shapes)						\
	C(table, two_prepare, shapes)						\
	C(table, many_prepare, shapes)						\
	C(table, many_prepare_walked, walked_shapes)				\
	C(table, bound, shapes)							\
	C(table, bound_walked, walked_shapes)					\
	C(table, live_and_pending, shapes)					\
	C(table, user_view, shapes)						\
	C(table, history, shapes)						\
	C(table, history_walked, walked_shapes)					\
	C(table, prepare_walked_fails, walked_shapes)				\
	C(table, one_node_each, once)

/* The index of registered memory. */
#define TCE_CASES_region(C)							\
	C(region, borders, once)						\
	C(region, end_of_addresses, once)					\
	C(region, random, page_shifts)						\
	C(region, many, once)							\
	C(region, cursor, once)							\
	C(region, tallest, once)

/* Waiting for a hypervisor. */
#define TCE_CASES_patience(C)							\
	C(patience, short_busy, once)						\
	C(patience, long_busy, once)						\
	C(patience, atomic, once)						\
	C(patience, killed, once)						\
	C(patience, worn_out, once)

/* What the owner is charged. */
#define TCE_CASES_charge(C)							\
	C(charge, no_more_than_all, page_shifts)				\
	C(charge, arithmetic, page_shifts)					\
	C(charge, follows_state, page_shifts)					\
	C(charge, at_most_libvirts_formula, page_shifts)			\
	C(charge, limit, once)							\
	C(charge, every_step, page_shifts)					\
	C(charge, full_window, page_shifts)					\
	C(charge, limit_at_every_point, page_shifts)				\
	C(charge, removed_under_kvm, page_shifts)				\
	C(charge, two_containers, page_shifts)

/* What userspace does and gets. */
#define TCE_CASES_container(C)							\
	C(container, info, once)						\
	C(container, register_args, page_shifts)				\
	C(container, register_neighbours, page_shifts)				\
	C(container, register_limit, once)					\
	C(container, register_killed, once)					\
	C(container, killed_while_it_waits, off_or_on)			\
	C(container, register_no_memory, once)					\
	C(container, unregister_args, page_shifts)				\
	C(container, unregister_mapped, page_shifts)				\
	C(container, create_args, once)						\
	C(container, create_limit, once)					\
	C(container, remove_args, once)						\
	C(container, map_args, page_shifts)					\
	C(container, unmap_args, page_shifts)					\
	C(container, foreign_process, once)					\
	C(container, refused_arguments_own_nothing, once)			\
	C(container, closed, once)						\
	C(container, qemu_start, firmwares)					\
	C(container, qemu_reset, firmwares)					\
	C(container, remove_default_under_ddw, firmwares)			\
	C(container, remove_ddw_under_default, firmwares)			\
	C(container, dpdk, firmwares)						\
	C(container, large_then_small_at_zero, firmwares)			\
	C(container, second_large_window, firmwares)				\
	C(container, window_at_the_end, once)					\
	C(container, smaller_default, firmwares)				\
	C(container, levels, once)						\
	C(container, shapes, shapes)						\
	C(container, leftovers, firmwares)					\
	C(container, no_ddw, once)						\
	C(container, no_reset, once)						\
	C(container, one_window, once)						\
	C(container, users_follow, firmwares)					\
	C(container, map_rights, page_shifts)					\
	C(container, counts, once)						\
	C(container, history, hosts)						\
	C(container, parts_of_a_page, page_shifts)				\
	C(container, contiguous, once)						\
	C(container, map_over_live, page_shifts)				\
	C(container, aliases, page_shifts)					\
	C(container, several_regions, page_shifts)				\
	C(container, page_over_two_regions, once)				\
	C(container, killed, once)						\
	C(container, yields, once)						\
	C(container, shared_memory, page_shifts)				\
	C(container, not_my_region, page_shifts)				\
	C(container, owner_dies, firmwares)					\
	C(container, info_of_high_default, once)				\
	C(container, first_call_owns, once)					\
	C(container, made, once)						\
	C(container, counters, once)						\
	C(container, register_meanwhile, closed_or_registered)			\
	C(container, first_map_meanwhile, off_or_on)				\
	C(container, trouble_is_over, firmwares)				\
	C(container, trouble_in_one_group, firmwares)				\
	C(container, trouble_is_forgotten, firmwares)				\
	C(container, stays_pinned_for_all, firmwares)				\
	C(container, removed_in_order, firmwares)			\
	C(container, looks_for_signals, once)					\
	C(container, killed_in_unmap, once)					\
	C(container, killed_in_map, once)					\
	C(container, few_pages, once)						\
	C(container, two_first_maps, once)

/* What the administrator is told. */
#define TCE_CASES_log(C)							\
	C(log, names, once)							\
	C(log, limits, once)							\
	C(log, kept, once)							\
	C(log, memlock, once)							\
	C(log, memlock_of_a_root, once)						\
	C(log, memlock_v1, hosts)

/* What goes to the hypervisor, and what happens when it says no. */
#define TCE_CASES_papr(C)							\
	C(papr, map_1g, page_shifts)						\
	C(papr, map_off_by_one, once)						\
	C(papr, unmap_sparse, once)						\
	C(papr, window_1t, once)						\
	C(papr, many_regions, once)						\
	C(papr, no_multitce, once)						\
	C(papr, status, once)							\
	C(papr, busy, once)							\
	C(papr, busy_for_ever, once)						\
	C(papr, map_refused, empty_or_live)					\
	C(papr, map_refused_one_by_one, empty_or_live)				\
	C(papr, unmap_refused, once)						\
	C(papr, no_clear_but_remove, firmwares)					\
	C(papr, no_remove_but_clear, firmwares)					\
	C(papr, quarantine, firmwares)						\
	C(papr, gigabyte_unaligned, once)					\
	C(papr, any_start, shapes)						\
	C(papr, one_entry, once)						\
	C(papr, over_live_entries, page_shifts)					\
	C(papr, several_regions, once)						\
	C(papr, sparse_unmap, shapes)						\
	C(papr, empty_window, shapes)						\
	C(papr, few_entries, firmwares)						\
	C(papr, take_over, page_shifts)						\
	C(papr, without_multitce, page_shifts)					\
	C(papr, every_status, once)						\
	C(papr, busy_for_long, once)						\
	C(papr, busy_under_kvm, once)						\
	C(papr, busy_anywhere, firmwares)					\
	C(papr, busy_for_good, multitce)					\
	C(papr, map_refused_once, mapped_before)				\
	C(papr, map_refused_once_without_multitce, mapped_before)		\
	C(papr, map_refused_for_a_while, mapped_before)				\
	C(papr, doubtful_entries_of_a_parked_window, mapped_before)		\
	C(papr, unmap_refused_once, mapped_before)				\
	C(papr, unmap_refused_for_a_while, mapped_before)			\
	C(papr, unmap_refused_without_multitce, mapped_before)			\
	C(papr, map_refused_with_two_groups, mapped_before)			\
	C(papr, default_is_removed, firmwares)					\
	C(papr, default_is_parked, firmwares)					\
	C(papr, both_removed, firmwares)					\
	C(papr, failed_create_is_forgotten, firmwares)				\
	C(papr, query_is_believed, once)					\
	C(papr, too_many_entries, firmwares)					\
	C(papr, busy_for_too_long, firmwares)					\
	C(papr, wrong_address, firmwares)					\
	C(papr, wrong_address_that_stays, firmwares)				\
	C(papr, no_ddw_at_all, page_shifts)					\
	C(papr, no_reset_at_all, page_shifts)					\
	C(papr, last_reset_refused, firmwares)					\
	C(papr, last_query_refused, firmwares)					\
	C(papr, remove_in_trouble, firmwares)					\
	C(papr, remove_in_trouble_with_two_groups, firmwares)			\
	C(papr, detach_in_trouble, firmwares)					\
	C(papr, neighbours, once)						\
	C(papr, small_window_of_large_pages, once)				\
	C(papr, no_room_for_any, once)						\
	C(papr, create_broken_off, once)					\
	C(papr, default_not_removed, once)					\
	C(papr, default_of_joiner_not_removed, once)				\
	C(papr, first_map_fails, once)						\
	C(papr, reset_at_once, once)						\
	C(papr, two_not_removed, once)						\
	C(papr, parked_is_wanted, once)						\
	C(papr, parked_is_alone, once)						\
	C(papr, parked_goes_back, once)						\
	C(papr, joiner_is_closed_once, once)					\
	C(papr, busy_one_by_one, once)

/* Two things go wrong at once. */
#define TCE_CASES_doubt(C)							\
	C(doubt, half_a_push, page_shifts)					\
	C(doubt, many_regions, once)						\
	C(doubt, one_region_twice, once)					\
	C(doubt, joiner_half_filled, once)					\
	C(doubt, joiner_half_filled_for_good, off_or_on)			\
	C(doubt, closed_in_the_others, page_shifts)				\
	C(doubt, notes_refused, page_shifts)					\
	C(doubt, odd_addresses, page_shifts)					\
	C(doubt, notes_lost, off_or_on)						\
	C(doubt, killed_while_busy, once)					\
	C(doubt, ends_with_a_map, once)						\
	C(doubt, ends_with_a_flush, page_shifts)				\
	C(doubt, memory_at_zero, hosts)						\
	C(doubt, none_of_live_entries, page_shifts)				\
	C(doubt, ends_bit_by_bit, page_shifts)					\
	C(doubt, ends_with_a_kill, page_shifts)

/* Several groups in one container. */
#define TCE_CASES_group(C)							\
	C(group, mirrored, firmwares)						\
	C(group, memory_does_not_grow, once)					\
	C(group, late_joiner, firmwares)					\
	C(group, late_joiner_without_default, firmwares)			\
	C(group, different_addresses, firmwares)				\
	C(group, different_default, once)					\
	C(group, common_page_sizes, once)					\
	C(group, detach_one, firmwares)						\
	C(group, last_detach, firmwares)					\
	C(group, second_refuses, firmwares)					\
	C(group, join_refused, firmwares)					\
	C(group, map_refused_in_one, firmwares)					\
	C(group, unmap_refused_in_one, firmwares)				\
	C(group, any_state, firmwares)						\
	C(group, joiner_fails_anywhere, firmwares)				\
	C(group, cost_of_a_group, firmwares)					\
	C(group, leaves_in_trouble, firmwares)					\
	C(group, leaves_in_peace, firmwares)				\
	C(group, refused_once_is_enough, once)					\
	C(group, leaver_closes_the_rest, once)					\
	C(group, yields, once)

/* In-kernel KVM on our tables. */
#define TCE_CASES_kvm(C)							\
	C(kvm, hypercalls, page_shifts)						\
	C(kvm, dirty, once)							\
	C(kvm, counts, once)							\
	C(kvm, lists, page_shifts)						\
	C(kvm, arguments, once)							\
	C(kvm, kill_ranges, once)						\
	C(kvm, no_memory, once)							\
	C(kvm, error_path_without_kill, off_or_on)				\
	C(kvm, error_path_then_close, off_or_on)				\
	C(kvm, pending_then_unregister, page_shifts)				\
	C(kvm, replaced_then_unregister, page_shifts)				\
	C(kvm, memory_outlives_its_container, page_shifts)			\
	C(kvm, other_writers, once)						\
	C(kvm, and_ioctls, page_shifts)						\
	C(kvm, pending_and_ioctls, page_shifts)					\
	C(kvm, pending_at_the_end, page_shifts)					\
	C(kvm, pending_and_late_joiner, page_shifts)				\
	C(kvm, groups, once)							\
	C(kvm, dead_table, firmwares)						\
	C(kvm, dead_with_its_container, firmwares)				\
	C(kvm, publish_refused, off_or_on)					\
	C(kvm, close_refused, off_or_on)					\
	C(kvm, tce_without_rights, off_or_on)					\
	C(kvm, foreign_maps, hosts)						\
	C(kvm, foreign_same_addresses, hosts)					\
	C(kvm, foreign_clears, hosts)						\
	C(kvm, foreign_exits, hosts)						\
	C(kvm, foreign_keeps_table, hosts)					\
	C(kvm, foreign_does_not_block, hosts)					\
	C(kvm, large_in_hugetlb, large_pages)					\
	C(kvm, large_behind_hugetlb, large_pages)				\
	C(kvm, large_by_ioctl, large_pages)					\
	C(kvm, large_not_hugetlb, large_pages)					\
	C(kvm, large_exchanges, large_pages)					\
	C(kvm, large_after_a_lie, large_pages)					\
	C(kvm, large_after_a_late_lie, large_pages)				\
	C(kvm, two_vcpus, vcpu_ops)						\
	C(kvm, unmap_and_map, page_shifts)					\
	C(kvm, map_and_map, page_shifts)					\
	C(kvm, broken_off, page_shifts)						\
	C(kvm, many_replaced, hosts)						\
	C(kvm, two_tables_of_one_window, hosts)					\
	C(kvm, behind_the_end, window_states)					\
	C(kvm, list_behind_the_end, window_states)				\
	C(kvm, exchanges_in_every_state, window_states)				\
	C(kvm, clears_never_warn, window_states)				\
	C(kvm, empty_tables, hosts)						\
	C(kvm, two_groups_lose_nothing, hosts)					\
	C(kvm, told_twice, hosts)						\
	C(kvm, notes_without_rights, hosts)					\
	C(kvm, lost_notes, hosts)						\
	C(kvm, no_rights_without_kill, hosts)					\
	C(kvm, broken_off_beside_another, hosts)				\
	C(kvm, closed_over_replaced, page_shifts)				\
	C(kvm, closed_over_live, page_shifts)					\
	C(kvm, replaced_while_it_closes, page_shifts)				\
	C(kvm, last_entry_alone, hosts)						\
	C(kvm, kept_memory_goes_with_the_window, hosts)				\
	C(kvm, finds_what_is_true, hosts)					\
	C(kvm, joiner_refuses, once)						\
	C(kvm, leaver_is_left_alone, once)					\
	C(kvm, remove_waits_for_a_slot, hosts)					\
	C(kvm, remove_waits_for_the_first, hosts)				\
	C(kvm, join_waits_for_a_vcpu, hosts)					\
	C(kvm, leave_waits_for_a_vcpu, hosts)					\
	C(kvm, maps_after_unmap_of_nothing, hosts)				\
	C(kvm, flush_of_many_leaves, hosts)					\
	C(kvm, leaver_misses_nothing, off_or_on)				\
	C(kvm, leaver_refuses, off_or_on)					\
	C(kvm, joiner_does_not_close, off_or_on)				\
	C(kvm, joiner_is_busy, once)						\
	C(kvm, changed_under_way, page_shifts)					\
	C(kvm, newer_than_what_is_refused, page_shifts)				\
	C(kvm, waited_is_settled, page_shifts)					\
	C(kvm, leaf_is_taken, page_shifts)					\
	C(kvm, list_is_written_anew, page_shifts)				\
	C(kvm, cleared_under_a_refused_map, page_shifts)			\
	C(kvm, broken_off_goes_with_the_flush, hosts)				\
	C(kvm, same_again, hosts)						\
	C(kvm, replaced_beside_a_parked_one, hosts)				\
	C(kvm, lost_under_a_claim, page_shifts)					\
	C(kvm, broken_off_over_replaced, hosts)					\
	C(kvm, unmap_of_cleared_refused, page_shifts)				\
	C(kvm, removed_with_entries, page_shifts)				\
	C(kvm, stays_with_entries, page_shifts)					\
	C(kvm, nobody_is_waited_for, hosts)					\
	C(kvm, nobody_comes_late, hosts)					\
	C(kvm, released_under_a_call, hosts)					\
	C(kvm, busy_at_the_end, page_shifts)					\
	C(kvm, figures, hosts)							\
	C(kvm, kill_of_one_leaf, hosts)						\
	C(kvm, kill_names_its_own, hosts)					\
	C(kvm, refused_with_what_is_between, page_shifts)			\
	C(kvm, flush_comes_again, page_shifts)					\
	C(kvm, busy_a_few_times, page_shifts)					\
	C(kvm, small_after_a_lie, hosts)					\
	C(kvm, busy, page_shifts)						\
	C(kvm, busy_for_ever, page_shifts)					\
	C(kvm, shut_while_it_waits, hosts)					\
	C(kvm, map_over_what_is_being_flushed, page_shifts)

/* KVM in the middle of an entry, and an ioctl at that moment. */
#define TCE_CASES_interleave(C)							\
	C(interleave, kvm_with, interleavings)					\
	C(interleave, ioctl_with, vcpu_ops)

/* PowerNV: tables that hardware walks. */
#define TCE_CASES_ioda(C)							\
	C(ioda, every_border, walked_shapes)					\
	C(ioda, window_1t, page_shifts)						\
	C(ioda, small_window, once)						\
	C(ioda, arguments, once)						\
	C(ioda, published, page_shifts)						\
	C(ioda, stored_before_kill, once)					\
	C(ioda, remove_kills_nothing, once)					\
	C(ioda, levels_on_demand, once)						\
	C(ioda, addresses, page_shifts)						\
	C(ioda, two_groups, first_or_second)					\
	C(ioda, different_groups, once)						\
	C(ioda, joiner_without_page_size, once)					\
	C(ioda, set_refused, first_or_second)					\
	C(ioda, set_of_default_refused, first_or_second)			\
	C(ioda, refused_first_map, once)					\
	C(ioda, join_refused, first_or_second)					\
	C(ioda, unset_refused, who_refuses)					\
	C(ioda, unset_refused_stays, once)					\
	C(ioda, unset_refused_at_detach, off_or_on)				\
	C(ioda, set_and_unset_refused, once)					\
	C(ioda, owner_dies, once)						\
	C(ioda, limit, once)							\
	C(ioda, kvm_puts, page_shifts)						\
	C(ioda, kvm_lists, page_shifts)						\
	C(ioda, kvm_stale_then_unregister, page_shifts)				\
	C(ioda, kvm_stale_then, page_shifts)					\
	C(ioda, kvm_error_path, off_or_on)					\
	C(ioda, kvm_dead_table, off_or_on)					\
	C(ioda, kvm_unset_refused, off_or_on)					\
	C(ioda, node, once)							\
	C(ioda, one_unset_refused_at_detach, first_or_second)			\
	C(ioda, set_refused_under_kvm, off_or_on)			\
	C(ioda, near, once)

/* v1 containers, on both platforms. */
#define TCE_CASES_v1(C)								\
	C(v1, enable, hosts)							\
	C(v1, limit, hosts)							\
	C(v1, not_enabled, hosts)						\
	C(v1, info, hosts)							\
	C(v1, pins, hosts)							\
	C(v1, arguments, hosts)							\
	C(v1, map_over_live, hosts)						\
	C(v1, charged_besides, hosts)						\
	C(v1, read_only, hosts)							\
	C(v1, fails_half_way, hosts)						\
	C(v1, killed, hosts)							\
	C(v1, disable_unmaps, hosts)						\
	C(v1, disable_refused, page_shifts)					\
	C(v1, map_refused, page_shifts)						\
	C(v1, one_group, hosts)							\
	C(v1, other_version, hosts)						\
	C(v1, close_with_things_mapped, hosts)					\
	C(v1, close_refused, page_shifts)					\
	C(v1, no_kvm, hosts)							\
	C(v1, first_map_fails, hosts)						\
	C(v1, no_default_window, hosts)						\
	C(v1, disable_with_pins_that_stay, page_shifts)			\
	C(v1, half_a_push, page_shifts)						\
	C(v1, several_leaves, hosts)					\
	C(v1, no_kvm_whatever, hosts)						\
	C(v1, pages_in_doubt, page_shifts)

/* Whole scenarios in which every single thing that can fail fails once. */
#define TCE_CASES_sweep(C)							\
	C(sweep, resources, firmwares)						\
	C(sweep, firmware, firmwares)						\
	C(sweep, hypercalls, firmwares)						\
	C(sweep, hypercalls_half_done, firmwares)				\
	C(sweep, hypercalls_one_by_one, once)					\
	C(sweep, hopeless, firmwares)						\
	C(sweep, powernv_resources, page_shifts)				\
	C(sweep, powernv_firmware, page_shifts)					\
	C(sweep, powernv_unset, page_shifts)					\
	C(sweep, powernv_hopeless, page_shifts)					\
	C(sweep, v1_resources, hosts)						\
	C(sweep, v1_platform, hosts)						\
	C(sweep, v1_hopeless, hosts)

/* Time between two chances for others, and memory that stays. */
#define TCE_CASES_bounds(C)							\
	C(bounds, map_of_4_tib_is_killed, hosts)				\
	C(bounds, steps, hosts)							\
	C(bounds, one_block, hosts)						\
	C(bounds, many_regions, hosts)						\
	C(bounds, refused_maps, hosts)						\
	C(bounds, sparse_maps, hosts)						\
	C(bounds, largest_leaf, once)

/* Anything in any order, beside a simple model. */
#define TCE_CASES_model(C)							\
	C(model, random, runs)

/* Real threads. */
#define TCE_CASES_race(C)							\
	C(race, map_and_unmap, once)						\
	C(race, map_and_map, once)						\
	C(race, map_and_windows, once)						\
	C(race, first_map, once)						\
	C(race, map_and_unregister, once)					\
	C(race, kvm_and_unregister, once)					\
	C(race, kvm_and_windows, once)						\
	C(race, kvm_and_ioctls, once)						\
	C(race, kvm_same_entries, once)						\
	C(race, groups, once)							\
	C(race, close, once)							\
	C(race, register_same, once)						\
	C(race, register_beside_a_fault, once)					\
	C(race, register_in_turn, once)					\
	C(race, close_beside_a_fault, once)					\
	C(race, cycle_of_waits, once)						\
	C(race, table_grows, once)						\
	C(race, level_is_whole, once)

/* Small parts of the engine by themselves. */
#define TCE_CASES_parts(C)							\
	C(parts, park, once)							\
	C(parts, pending_runs, once)						\
	C(parts, steps, once)

/* What containers of one process share. */
#define TCE_CASES_owner(C)							\
	C(owner, one_for_each_process, once)					\
	C(owner, two_at_once, once)						\
	C(owner, every_window_is_flushed, once)					\
	C(owner, kept_memory_goes, once)					\
	C(owner, some_stays, once)

#endif /* TCE_CASES_LIST_H */
