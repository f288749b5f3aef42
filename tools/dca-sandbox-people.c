/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has an account at the lab's STI-PA: LAB1, with what --scope says, and
 * those of DIR/participants, a line "PARTICIPANT USER LIST" each. A user logs
 * in with a password of its own and speaks for its participant alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dca-sandbox-lab.h"

enum { FILE_MAX = 64 * 1024 };

enum dca_rc
lab_secret(const char *dir, const char *name, struct dca_out *out,
    struct dca_err *e)
{
	DCA_AUTO_OUT made = { .secret = true };
	uint8_t random[24];
	char path[4096];
	enum dca_rc rc;

	dca_path(path, NULL, "%s/%s", dir, name);
	if (dca_file_read(out, path, 256, NULL) == DCA_OK)
		return DCA_OK;
	dca_random(random, sizeof(random));
	dca_b64url(&made, DCA_BUF(random, sizeof(random)));
	rc = dca_file_write(path, dca_out_buf(&made), 0600, e);
	return rc ? rc : dca_file_read(out, path, 256, e);
}

static bool
is_word(const char *s, size_t cap)
{
	return s != NULL && strlen(s) < cap && strspn(s, "abcdefghijklmnopqrst"
	    "uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(s);
}

static enum dca_rc
add(struct lab *l, const char *name, const char *user, const char *list,
    struct dca_err *e)
{
	struct lab_participant *p = &l->people[l->n_people];
	char file[64] = "password";
	uint8_t random[24];
	enum dca_rc rc;

	if (l->n_people == LAB_PEOPLE)
		return dca_fail(e, DCA_RULE_INPUT,
		    "more than %d participants", LAB_PEOPLE);
	if (!is_word(name, sizeof(p->name)) || !is_word(user,
	    sizeof(p->user)) || list == NULL)
		return dca_fail(e, DCA_RULE_INPUT, "a participant is a line "
		    "\"PARTICIPANT USER LIST\", of letters, digits, - and _");
	for (unsigned i = 0; i < l->n_people; i++)
		if (strcmp(l->people[i].name, name) == 0 ||
		    strcmp(l->people[i].user, user) == 0)
			return dca_fail(e, DCA_RULE_INPUT,
			    "participant %s or user %s is there twice", name,
			    user);
	l->n_people++;
	memset(p, 0, sizeof(*p));
	(void)dca_strlcpy(p->name, name, sizeof(p->name));
	(void)dca_strlcpy(p->user, user, sizeof(p->user));
	p->may = dca_tnset_new();
	p->password.secret = true;
	dca_random(random, sizeof(random));
	dca_hex(p->access, random, sizeof(random));
	if (l->n_people > 1)
		(void)snprintf(file, sizeof(file), "password.%s", user);
	rc = dca_tnset_parse(p->may, list, e);
	return rc ? rc : lab_secret(l->dir, file, &p->password, e);
}

enum dca_rc
lab_people_open(struct lab *l, const char *scope, struct dca_err *e)
{
	enum dca_rc rc = add(l, "LAB1", "lab", scope, e);
	DCA_AUTO_OUT in = { 0 };
	char path[4096], *line, *lines, *words;

	dca_path(path, NULL, "%s/participants", l->dir);
	if (rc != DCA_OK || access(path, F_OK) != 0)
		return rc;
	rc = dca_file_read(&in, path, FILE_MAX, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&in, "", 1);
	for (line = strtok_r((char *)in.p, "\n", &lines);
	    line != NULL && rc == DCA_OK;
	    line = strtok_r(NULL, "\n", &lines)) {
		const char *name = strtok_r(line, " ", &words);
		const char *user = strtok_r(NULL, " ", &words);

		rc = add(l, name, user, strtok_r(NULL, " ", &words), e);
	}
	return rc;
}

void
lab_people_close(struct lab *l)
{
	for (unsigned i = 0; i < l->n_people; i++) {
		dca_tnset_free(l->people[i].may);
		dca_out_free(&l->people[i].password);
	}
}

/* --- login --- */

bool
lab_is_text(const json_t *o, const char *name, struct dca_buf want)
{
	const json_t *v = json_object_get(o, name);

	return json_is_string(v) && dca_buf_eq(want,
	    DCA_BUF(json_string_value(v), json_string_length(v)));
}

void
lab_login(const struct lab *l, struct lab_call *c)
{
	const struct lab_participant *p = l->people;
	JOSE_AUTO *o = NULL;

	if (jose_json(&o, c->body, "login", NULL) == DCA_OK)
		for (; p < l->people + l->n_people; p++)
			if (lab_is_text(o, "userId", DCA_BUF(p->user,
			    strlen(p->user))) && lab_is_text(o, "password",
			    dca_out_buf(&p->password))) {
				lab_json(c, 200, json_pack("{s:s,s:s}",
				    "status", "success", "accessToken",
				    p->access));
				return;
			}
	lab_json(c, 403, json_pack("{s:s,s:s}", "status", "failure",
	    "message", "userId or password is wrong"));
}

const struct lab_participant *
lab_logged_in(const struct lab *l, struct lab_call *c)
{
	for (unsigned i = 0; i < l->n_people; i++)
		if (strcmp(c->authorization, l->people[i].access) == 0)
			return &l->people[i];
	lab_json(c, 403, json_pack("{s:s,s:s}", "status", "failure",
	    "message", "not logged in"));
	return NULL;
}
