/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on the local sockets; the first octet is who sends it. */
#include "fuzz.h"

#include <string.h>

#include "dca/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	DCA_AUTO_OUT again = { 0 };
	DCA_AUTO_OUT sent = { 0 };
	struct dca_message m, m2;
	struct dca_err e = { 0 }, e2 = { 0 };
	struct dca_buf packet;
	enum dca_role role;
	enum dca_rc rc;

	if (n == 0)
		return 0;
	role = (enum dca_role)(p[0] % DCA_ROLES);
	packet = DCA_BUF(p + 1, n - 1);
	rc = dca_message_parse(&m, packet, role, &e);
	fuzz_refusal_holds(rc, &e);
	HOLDS((m.type == DCA_MSG_NONE) == (rc != DCA_OK));
	if (rc != DCA_OK)
		return 0;
	HOLDS(m.n <= DCA_FIELDS_MAX);
	dca_message_encode(&again, &m);
	HOLDS(dca_buf_eq(dca_out_buf(&again), packet));
	for (unsigned other = 0; other < DCA_ROLES; other++)
		HOLDS(other == role || dca_message_parse(&m2, packet,
		    (enum dca_role)other, &e2) != DCA_OK);
	if (m.type != DCA_MSG_PROBLEM)
		return 0;
	dca_problem_message(&e, &m);
	dca_message_problem(&sent, m.id, &e, 0);
	HOLDS(dca_message_parse(&m2, dca_out_buf(&sent), role, &e2) == DCA_OK);
	return 0;
}
