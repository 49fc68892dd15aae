// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every case of cases/list.h as a GoogleTest test, one per parameter.
 *
 *	TCE_SEED=n	seed of the random cases (they print theirs when they fail)
 *	TCE_EFFORT=n	percent of the usual number of random operations
 *	TCE_VERBOSE=1	what the engine logs
 */
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "../cases/case.h"
#include "../cases/list.h"
#include "env_host.hpp"

extern "C" {
#define DECLARE(suite) TCE_CASES_##suite(TCE_CASE_DECLARE)
TCE_SUITES(DECLARE)
#undef DECLARE
}

namespace {

constexpr tce_case kCases[] = {
#define ENTRIES(suite) TCE_CASES_##suite(TCE_CASE_ENTRY)
	TCE_SUITES(ENTRIES)
#undef ENTRIES
};

class Case : public testing::Test {
public:
	Case(const tce_case &c, unsigned int param) : case_(c), param_(param) {}

	void TestBody() override
	{
		env_host_set_hook([](const char *file, int line, const char *text) {
			ADD_FAILURE_AT(file, line) << text;
		});
		tce_case_run(&case_, param_);
		if (const unsigned int n = env_host_failures())
			ADD_FAILURE() << n << " failures in this case";
	}

private:
	const tce_case &case_;
	const unsigned int param_;
};

unsigned long long number_from(const char *name, unsigned long long otherwise)
{
	const char *text = std::getenv(name);

	return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

} // namespace

int main(int argc, char **argv)
{
	testing::InitGoogleTest(&argc, argv);
	env_host_set_knob(ENV_SEED, number_from("TCE_SEED", 0));
	env_host_set_knob(ENV_EFFORT, number_from("TCE_EFFORT", 100));
	env_host_set_knob(ENV_VERBOSE, number_from("TCE_VERBOSE", 0));

	for (const tce_case &c : kCases) {
		char name[64];

		for (unsigned int i = 0; c.params(i, name, sizeof(name)); i++) {
			const bool alone = i == 0 && !c.params(1, nullptr, 0);
			const std::string full = alone ? c.name : std::string(c.name) + "/" + name;

			testing::RegisterTest(c.suite, full.c_str(), nullptr, nullptr, __FILE__,
					      __LINE__, [&c, i] { return new Case(c, i); });
		}
	}

	const int rc = RUN_ALL_TESTS();
	const testing::UnitTest &unit = *testing::UnitTest::GetInstance();
	const int passed = unit.successful_test_count(), failed = unit.failed_test_count();

	std::printf("%d cases passed, %d failed\n", passed, failed);
	if (!passed && !failed) {
		std::printf("no case ran\n");
		return 1;
	}
	return rc;
}
