/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All mutants of the engine in one program (scripts/vtlab/schema.py); included
 * by force.
 *
 *	TCE_MUTANT=n	the number of the mutant that is alive; 0: none is
 *	TCE_REACHED=f	a file that gets a line a case: its name, its
 *			milliseconds, and the numbers of the functions with
 *			mutants that it has reached
 */
#ifndef TCE_HOST_MUTANTS_H
#define TCE_HOST_MUTANTS_H

#define TCE_MUTANT_FUNCTIONS 4096

extern int tce_mutant;
extern unsigned char tce_mutant_reached[TCE_MUTANT_FUNCTIONS];

/*
 * The mutants of a function that is evaluated by the compiler are not alive
 * there.
 */
#define TCE_MUTANT(n) (!__builtin_is_constant_evaluated() && tce_mutant == (n))
#define TCE_REACHED(n)                                                                     \
	do {                                                                               \
		if (!__builtin_is_constant_evaluated())                                    \
			__atomic_store_n(&tce_mutant_reached[n], 1, __ATOMIC_RELAXED);     \
	} while (0)

#endif
