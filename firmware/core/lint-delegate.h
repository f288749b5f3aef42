/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that rules of delegates and of the cross-certificate share. */
#ifndef DCA_CORE_LINT_DELEGATE_H
#define DCA_CORE_LINT_DELEGATE_H

#include "lint-parts.h"

extern const struct lint_table lint_delegate;	/* lint-delegate.c */
extern const struct lint_table lint_sca;	/* lint-sca.c */

bool lint_with_issuer(const struct lint_ctx *x);
enum dca_lint_verdict lint_list_well_formed(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_list_inside(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_once_each(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_only_two_critical(const struct lint_ctx *x,
    struct lint_detail *d);

/* lint-child.c: a certificate as the child of its issuer, and its fields */
enum dca_lint_verdict lint_is_end_entity(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_serial_octets(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_one_algorithm(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_plain_key(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_times(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_ski_is_sha1(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_aki_is_issuer(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_issuer_is_subject(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_subject_is_own(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_validity_inside(const struct lint_ctx *x,
    struct lint_detail *d);
enum dca_lint_verdict lint_key_is_own(const struct lint_ctx *x,
    struct lint_detail *d);

#endif
