/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines from a table: finds the command, its options and the common
 * ones wherever they stand, counts the arguments, prints the help. Ignores
 * nothing: what it does not know it refuses, naming --help.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

enum { USAGE = 2, SEEN_MAX = 64 };

struct parse {
	const char *program, *about;
	const struct dca_command *cmds;
	size_t n;
	const struct dca_option *common;
	size_t n_common;
	const struct dca_command *cmd;	/* NULL: not found yet */
	const char *word;		/* first word of a two-word command */
	char **args;			/* the arguments, in place in argv */
	int n_args;
	const struct dca_option *seen[SEEN_MAX];
	size_t n_seen;
	bool help, version;
};

static int DCA_PRINTF(2, 3)
usage(const struct parse *p, const char *fmt, ...)
{
	const char *name = p->cmd != NULL ? p->cmd->name
	    : p->word != NULL		  ? p->word
					  : "";
	va_list ap;

	fprintf(stderr, "%s: ", p->program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry '%s %s%s--help'.\n", p->program, name,
	    name[0] != '\0' ? " " : "");
	return USAGE;
}

static void
print_options(const char *title, const struct dca_option *o, size_t n)
{
	if (n > 0)
		printf("\n%s:\n", title);
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o[i].name,
		    o[i].arg != NULL ? " " : "",
		    o[i].arg != NULL ? o[i].arg : "");
		printf("  %-26s %s%s\n", left,
		    strlen(left) > 26 ? "\n                             " : "",
		    o[i].help);
	}
}

static bool
starts_with_word(const char *name, const char *word)
{
	size_t n = strlen(word);

	return strncmp(name, word, n) == 0 &&
	    (name[n] == ' ' || name[n] == '\0');
}

static void
print_commands(const struct parse *p)
{
	printf("Usage: %s [OPTIONS] COMMAND [ARGUMENTS]\n\n%s\n\nCommands:\n",
	    p->program, p->about);
	for (size_t i = 0; i < p->n; i++) {
		const struct dca_command *c = &p->cmds[i];
		char left[96];

		if (p->word != NULL && !starts_with_word(c->name, p->word))
			continue;
		snprintf(left, sizeof(left), "%s %s", c->name, c->args);
		printf("  %-34s %s\n", left, c->help);
	}
}

static void
print_help(const struct parse *p)
{
	static const struct dca_option builtin[] = {
		{ "help", NULL, NULL, NULL, "show this help" },
		{ "version", NULL, NULL, NULL, "show the version" },
	};

	if (p->cmd == NULL) {
		print_commands(p);
	} else {
		printf("Usage: %s%s%s [OPTIONS]%s%s\n\n%s\n", p->program,
		    p->cmd->name[0] != '\0' ? " " : "", p->cmd->name,
		    p->cmd->args[0] != '\0' ? " " : "", p->cmd->args,
		    p->cmd->help[0] != '\0' ? p->cmd->help : p->about);
		print_options("Options", p->cmd->options, p->cmd->n_options);
	}
	print_options("Common options", p->common, p->n_common);
	print_options("Always", builtin, 2);
	if (p->cmd == NULL)
		printf("\nHelp on one command: %s COMMAND --help\n",
		    p->program);
}

static const struct dca_option *
find_in(const struct dca_option *o, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(o[i].name) == len &&
		    memcmp(o[i].name, name, len) == 0)
			return &o[i];
	}
	return NULL;
}

static bool
first_time(struct parse *p, const struct dca_option *o)
{
	for (size_t i = 0; i < p->n_seen; i++) {
		if (p->seen[i] == o)
			return false;
	}
	if (p->n_seen == SEEN_MAX)
		abort();
	p->seen[p->n_seen++] = o;
	return true;
}

/* argv[*i] is an option; *i moves over its value. 0 or USAGE. */
static int
take_option(struct parse *p, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const struct dca_option *o = find_in(p->common, p->n_common, name, len);

	if (o == NULL && p->cmd != NULL)
		o = find_in(p->cmd->options, p->cmd->n_options, name, len);
	if (o == NULL && len == 4 && strcmp(name, "help") == 0) {
		p->help = true;
		return 0;
	}
	if (o == NULL && len == 7 && strcmp(name, "version") == 0) {
		p->version = true;
		return 0;
	}
	if (o == NULL)
		return usage(p, "unknown option --%.*s%s", (int)len, name,
		    p->cmd == NULL ? " before the command" : "");
	if (!first_time(p, o))
		return usage(p, "option --%s given twice", o->name);
	if (o->arg == NULL) {
		if (value != NULL)
			return usage(p, "option --%s takes no value", o->name);
		*o->flag = true;
		return 0;
	}
	if (value == NULL && *i + 1 < argc)
		value = argv[++*i];
	if (value == NULL)
		return usage(p, "option --%s needs a value: %s", o->name,
		    o->arg);
	*o->text = value;
	return 0;
}

/* A word before the command is known: its first or its second one. */
static int
take_word(struct parse *p, const char *word)
{
	bool begins = false;

	for (size_t i = 0; i < p->n; i++) {
		const char *name = p->cmds[i].name;
		size_t n = p->word != NULL ? strlen(p->word) : 0;

		if (p->word == NULL && strcmp(name, word) == 0) {
			p->cmd = &p->cmds[i];
			return 0;
		}
		if (p->word != NULL && starts_with_word(name, p->word) &&
		    name[n] == ' ' && strcmp(name + n + 1, word) == 0) {
			p->cmd = &p->cmds[i];
			return 0;
		}
		begins |= p->word == NULL && starts_with_word(name, word);
	}
	if (begins) {
		p->word = word;
		return 0;
	}
	return usage(p, "unknown command: %s%s%s",
	    p->word != NULL ? p->word : "", p->word != NULL ? " " : "", word);
}

static int
take_all(struct parse *p, int argc, char **argv)
{
	bool options = true;
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++) {
		char *a = argv[i];

		if (options && strcmp(a, "--") == 0)
			options = false;
		else if (options && strcmp(a, "-h") == 0)
			p->help = true;
		else if (options && strncmp(a, "--", 2) == 0)
			rc = take_option(p, argc, argv, &i);
		else if (options && a[0] == '-' && a[1] != '\0')
			rc = usage(p, "unknown option %s", a);
		else if (p->cmd == NULL)
			rc = take_word(p, a);
		else
			p->args[p->n_args++] = a;
		/* help asked for is given even when the rest is wrong */
		if (p->help)
			return 0;
	}
	return rc;
}

static int
check_and_run(const struct parse *p, void *arg)
{
	const struct dca_command *c = p->cmd;

	if (c == NULL)
		return p->word == NULL
		    ? usage(p, "a command is needed")
		    : usage(p, "which %s command?", p->word);
	if (p->n_args < c->min_args)
		return usage(p, "missing argument: %s", c->args);
	if (p->n_args > c->max_args)
		return usage(p, "unexpected argument: %s",
		    p->args[c->max_args]);
	return c->run(p->n_args, p->args, arg);
}

int
dca_command_run(const char *program, const char *about,
    const struct dca_command *cmds, size_t n, const struct dca_option *common,
    size_t n_common, int argc, char **argv, void *arg)
{
	DCA_CLEANUP(dca_free_p) char **args =
	    dca_alloc(((size_t)argc + 1) * sizeof(*args));
	struct parse p = { .program = program, .about = about, .cmds = cmds,
		.n = n, .common = common, .n_common = n_common, .args = args };
	int rc;

	if (n == 1 && cmds[0].name[0] == '\0')
		p.cmd = &cmds[0];
	rc = take_all(&p, argc, argv);
	if (rc != 0)
		return rc;
	if (p.help) {
		print_help(&p);
		return 0;
	}
	if (p.version) {
		printf("%s %s\n", program, DCA_VERSION);
		return 0;
	}
	args[p.n_args] = NULL;
	return check_and_run(&p, arg);
}
