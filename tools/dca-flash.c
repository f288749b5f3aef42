/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dca-flash: puts an appliance image on a disk, or into a file. First the
 * signature, then the sums, then the device, then a person's word; only then
 * the first octet is written, and every one that was written is read back.
 */
#include "dca-flash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "people.h"

#define KEYRING "/etc/dca/release.pem"
enum { EXIT_BROKEN = 3 };

volatile sig_atomic_t flash_signal;

static struct {
	const char *keyring;
	bool dry_run, yes, erase;
} opt = { .keyring = KEYRING };

static void
caught(int sig)
{
	flash_signal = sig;
}

/* Without SA_RESTART: a question that waits ends as well. What nohup ignores
 * stays ignored. */
static void
catch_signals(void)
{
	static const int which[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction ours = { .sa_handler = caught };
	struct sigaction old;

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		if (sigaction(which[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			(void)sigaction(which[i], &ours, NULL);
}

enum dca_rc
flash_stopped(struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_FLASH_STOPPED, "stopped by SIG%s",
	    sigabbrev_np(flash_signal));
}

/* --- before anything is written --- */

static enum dca_rc
check_image(struct image *im, const struct release *r, struct bmap *m,
    struct dca_err *e)
{
	char packed[SIZE_TEXT], size[SIZE_TEXT], mapped[SIZE_TEXT];
	bool found = false;
	enum dca_rc rc;

	if ((rc = image_open(im, r, e)) ||
	    (rc = release_map(r, m, &found, e)))
		return rc;
	if (found) {
		im->map = m;
		im->size = m->size;
	}
	rc = image_pass(im, "checking", NULL, NULL, e);
	if (rc != DCA_OK)
		return rc;
	show_line("image", "%s, %s", r->image, size_text(packed, im->packed));
	show_line("signed by", "%s", (const char *)r->signer.p);
	if (found)
		show_line("writes", "%s of %s, in %zu ranges",
		    size_text(mapped, m->mapped), size_text(size, im->size),
		    m->n);
	else
		show_line("writes", "all of %s: no block map lies beside the "
		    "image", size_text(size, im->size));
	if (opt.erase)
		show_line("erases", "everything before that");
	return DCA_OK;
}

/* The name of the device, typed by someone who looked. */
static enum dca_rc
confirm(const struct device *d, struct dca_err *e)
{
	char line[PATH_MAX + 2];

	if (opt.yes)
		return DCA_OK;
	fflush(stdout);
	fprintf(stderr, "What is on it now is lost. Type %s to go on: ",
	    d->path);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		fputc('\n', stderr);
		if (flash_signal)
			return flash_stopped(e);
		return dca_fail(e, DCA_RULE_FLASH_UNCONFIRMED,
		    "no answer to the question");
	}
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, d->path) != 0)
		return dca_fail(e, DCA_RULE_FLASH_UNCONFIRMED,
		    "what was typed is not %.200s", d->path);
	return DCA_OK;
}

/* --- writing --- */

static enum dca_rc
overwrite(struct image *im, struct device *d, struct dca_err *e)
{
	const uint64_t n = im->map != NULL ? im->map->mapped : im->size;
	char size[SIZE_TEXT];
	enum dca_rc rc;

	if ((rc = confirm(d, e)) || (rc = device_open(d, true, im->size, e)) ||
	    (opt.erase && (rc = device_erase(d, e))) ||
	    (rc = image_pass(im, "writing", device_write, d, e)) ||
	    (rc = device_sync(d, e)))
		return rc;
	if (opt.erase)
		im->map = NULL;	/* the blocks between are known, too */
	rc = image_pass(im, "reading back", device_compare, d, e);
	if (rc == DCA_OK)
		show_line("result", "done: %s written to %s and read back",
		    size_text(size, n), d->path);
	return rc;
}

static enum dca_rc
flash(struct release *r, struct image *im, struct bmap *m, struct device *d,
    char **argv, struct dca_err *e)
{
	enum dca_rc rc;

	if ((rc = release_open(r, argv[0], opt.keyring, e)) ||
	    (rc = check_image(im, r, m, e)) ||
	    (rc = device_find(d, argv[1], e)))
		return rc;
	disk_show(d);
	rc = device_check(d, r, im->size, e);
	if (rc != DCA_OK)
		return rc;
	if (!opt.dry_run)
		return overwrite(im, d, e);
	rc = device_open(d, false, im->size, e);
	if (rc == DCA_OK)
		show_line("result", "dry run: nothing was written");
	return rc;
}

/* What the person must know in the end: is the device as it was? */
static int
refused(const struct device *d, const struct dca_err *e)
{
	const int code = dca_show_error("dca-flash", e, false);

	if (!d->touched) {
		fprintf(stderr, "dca-flash: nothing was written\n");
		return code;
	}
	fprintf(stderr, "dca-flash: %s WAS WRITTEN TO AND DOES NOT HOLD THE "
	    "IMAGE: flash it again before it is used\n", d->path);
	return EXIT_BROKEN;
}

static int
run(int argc, char **argv, void *arg)
{
	struct device d = { .fd = -1 };
	struct image im = { .fd = -1 };
	struct release r = { 0 };
	struct bmap m = { 0 };
	struct dca_err e = { 0 };
	int code = 0;

	(void)argc;
	(void)arg;
	catch_signals();
	if (flash(&r, &im, &m, &d, argv, &e) != DCA_OK)
		code = refused(&d, &e);
	device_close(&d);
	image_close(&im);
	bmap_clear(&m);
	release_clear(&r);
	return code;
}

static const struct dca_option options[] = {
	{ "keyring", "FILE", &opt.keyring, NULL,
	    "certificates that may sign a release, PEM; default " KEYRING },
	{ "dry-run", NULL, NULL, &opt.dry_run,
	    "check everything, write nothing" },
	{ "yes", NULL, NULL, &opt.yes, "do not ask" },
	{ "erase", NULL, NULL, &opt.erase,
	    "zeros everywhere first, behind the image as well" },
};
static const struct dca_command commands[] = {
	{ "", "IMAGE DEVICE",
	    "Writes a signed appliance image (.img.zst) to a disk or a file, "
	    "and reads it back.", options,
	    sizeof(options) / sizeof(options[0]), 2, 2, run },
};

int
main(int argc, char **argv)
{
	return dca_command_run("dca-flash", "", commands, 1, NULL, 0, argc,
	    argv, NULL);
}
