// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every case of cases/list.h as a GoogleTest test, one per parameter.
 *
 *	TCE_SEED=n	seed of the random cases (printed when they fail)
 *	TCE_EFFORT=n	percent of the usual number of random operations
 *	TCE_VERBOSE=1	what the engine logs
 *	TCE_PATIENCE=n	seconds after which a case hangs; 0: never
 */
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

#include "../rig/case.h"
#include "../cases/list.h"
#include "env_native.hpp"

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

/*
 * A case that hangs says which one it is.  Threads that wait for each other are
 * no use to anybody, so that is the end.
 */
class Watchdog {
public:
	Watchdog(const tce_case &c, unsigned int param, unsigned int seconds)
	{
		std::snprintf(text_, sizeof(text_), "%s.%s, parameter %u, hangs\n", c.suite, c.name,
			      param);
		std::signal(SIGALRM, bark);
		alarm(seconds);
	}
	~Watchdog() { alarm(0); }
	Watchdog(const Watchdog &) = delete;
	Watchdog &operator=(const Watchdog &) = delete;

private:
	static void bark(int)
	{
		static_cast<void>(!write(STDERR_FILENO, text_, std::strlen(text_)));
		std::abort();
	}

	static inline char text_[128];
};

unsigned int patience;

class Case : public testing::Test {
public:
	Case(const tce_case &c, unsigned int param) : case_(c), param_(param) {}

	void TestBody() override
	{
		env_native_set_hook([](const char *file, int line, const char *text) {
			ADD_FAILURE_AT(file, line) << text;
		});
		const Watchdog watchdog(case_, param_, patience);

		tce_case_run(&case_, param_);
		if (const unsigned int n = env_native_failures())
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
	env_native_set_knob(ENV_SEED, number_from("TCE_SEED", 0));
	env_native_set_knob(ENV_EFFORT, number_from("TCE_EFFORT", 100));
	env_native_set_knob(ENV_VERBOSE, number_from("TCE_VERBOSE", 0));
	patience = static_cast<unsigned int>(number_from("TCE_PATIENCE", 300));

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
