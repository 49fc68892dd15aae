// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model check with decisions that a fuzzer makes up (libFuzzer): the same
 * steps, the same comparisons as the case model.random.
 */
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../rig/model.hpp"
#include "env_native.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static const bool hooked = [] {
		env_native_set_hook([](const char *file, int line, const char *text) {
			std::fprintf(stderr, "%s:%d: %s\n", file, line, text);
			std::abort();
		});
		return true;
	}();
	fake::Choices choices(data, size);

	static_cast<void>(hooked);
	fake::play_model(choices);
	return 0;
}
