/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside dca-board: what the box is (board.conf), where things are on it, and
 * the parts that are looked after. One loop owns all of it. No knowledge of
 * certificates; the vault is asked by messages.
 */
#ifndef DCA_BOARD_H
#define DCA_BOARD_H

#include "dca/os.h"

enum { BOARD_TEXT = 384, BOARD_VERSION = 64, SECURITY_MAX = 63 };

/* --- board-conf.c --- */
enum board_token { TOKEN_SOFTHSM, TOKEN_TPM2, TOKEN_MODULE };
enum board_led { LED_SYSFS, LED_GPIO, LED_FAKE, LED_NONE };
enum board_tamper { TAMPER_GPIO, TAMPER_FAKE, TAMPER_NONE };
struct board_conf {
	char name[64], architecture[32], description[256], module[256];
	unsigned token;			/* enum board_token */
	bool tpm;
	char kernel[128], initrd_modules[512], compatible[128], console[128];
	char watchdog[256];
	int64_t watchdog_timeout;
	unsigned led;			/* enum board_led */
	char led_name[64], led_chip[64];
	uint64_t led_line;
	unsigned tamper;		/* enum board_tamper */
	char tamper_chip[64];
	uint64_t tamper_line;
	uint64_t front_port;
	int64_t patience;
	char emulator[1024];
};
enum dca_rc board_conf_load(struct board_conf *c, const char *path,
    struct dca_err *e) DCA_CHECKED;
void board_conf_print(void);

/* --- place.c: every path and every program, in one table --- */
enum place {
	PLACE_CONF, PLACE_RUN, PLACE_DATA, PLACE_UPDATE, PLACE_PROVISIONED,
	PLACE_SOCKET, PLACE_LEDS, PLACE_PCRS, PLACE_EFIVARS, PLACE_ESP,
	PLACE_OS_RELEASE, PLACE_SERVER, PLACE_RAUC, PLACE_SYSTEMCTL,
};
/* What the path of p is below prefix, with "/" and name when there is one. */
void place(char out[static 4096], const char *prefix, enum place p,
    const char *name);
/* First line of a small file, without its end; false: not there or empty. */
bool place_line(const char *prefix, enum place p, const char *name,
    char *line, size_t cap);
/* One line into a file, durably; false and logged when it cannot be. */
bool place_write(const char *prefix, enum place p, const char *name,
    const char *line);

int64_t board_clock(void);	/* CLOCK_BOOTTIME, seconds */

/* --- child.c: other people's programs --- */
struct children;
struct children *children_new(struct dca_loop *l);
/* Those that still run are killed. */
void children_free(struct children *c);
struct child_handlers {
	void (*line)(void *arg, const char *line);	/* or NULL */
	/* code: exit code, or -1: killed, not started or out of time;
	 * out: the end of what it printed, at most 4000 octets */
	void (*end)(void *arg, int code, const struct dca_out *out);
	void *arg;
};
void child_start(struct children *c, const char *const *argv,
    int64_t seconds, const struct child_handlers *h);
/* The last line of out that is not empty. */
void child_last_line(const struct dca_out *out, char *line, size_t cap);

/* --- boot.c: facts of this boot --- */
struct boot {
	char slot;			/* 'a', 'b' or 0: unknown */
	char version[BOARD_VERSION];
	char id[40];			/* of this boot */
	bool counted;			/* by systemd-boot */
	bool fell_back;			/* the initrd says so itself */
	bool has_security, has_floor;
	uint64_t security, floor;
	char floor_in[8];		/* "tpm", "data" */
	char data[8];			/* "tpm2", "plain", "" */
	uint8_t pcr[3][DCA_SHA256_LEN];
	bool has_pcr[3];
};
extern const unsigned boot_pcrs[3];
void boot_read(struct boot *b, const char *prefix);
void boot_read_floor(struct boot *b, const char *prefix);
/* "0 to 63", nothing else. */
bool boot_security(const char *s, uint64_t *v);

/* --- vault.c: the vault's board socket --- */
struct beat {
	char state[32], why[BOARD_TEXT], claim[64];
	bool healthy, front;
	uint64_t operators, ledger;
};
/* WHY in words when it is not one. */
bool beat_parse(struct beat *b, struct dca_buf map);
struct vault_handlers {
	void (*beat)(void *arg, bool deep, const struct beat *b);
	void (*event)(void *arg, bool taken, const struct dca_err *e);
	void (*command)(void *arg, uint64_t order, const char *verb,
	    const char *text);
	void (*closed)(void *arg);
	void *arg;
};
struct vault;
struct vault *vault_new(struct dca_loop *l, const char *socket,
    const struct vault_handlers *h);
void vault_free(struct vault *v);
void vault_turn(struct vault *v);	/* connects when it is time */
bool vault_connected(const struct vault *v);
/* Each asked once at a time: nothing happens while an answer is awaited. */
void vault_beat(struct vault *v, bool deep);
bool vault_event(struct vault *v, const char *name, const char *text);
void vault_report(struct vault *v, struct dca_buf map);

/* --- front.c: does the front answer on the loopback? --- */
struct front;
struct front *front_new(struct dca_loop *l, uint16_t port);
void front_free(struct front *f);
void front_probe(struct front *f);
int64_t front_answered(const struct front *f);	/* board_clock(); 0: never */
/* The ClientHello that is sent, and whether in answers it. */
void front_hello(struct dca_out *o, const uint8_t random[static 32]);
bool front_verify(struct dca_buf in);

/* --- events.c: kept until the vault has them in its ledger --- */
struct events;
struct events *events_new(const char *prefix);
void events_free(struct events *ev);
/* NAME: a-z 0-9 and -, at most 32. Kept on disk before it returns. */
enum dca_rc events_add(struct events *ev, const char *name, const char *text,
    struct dca_err *e) DCA_CHECKED;
/* For another process than the daemon. */
enum dca_rc events_drop(const char *prefix, const char *name,
    const char *text, struct dca_err *e) DCA_CHECKED;
/* Takes over what scripts, the initrd and an ESP left. */
void events_collect(struct events *ev);
/* The oldest; false: none. */
bool events_first(const struct events *ev, char name[static 33],
    char text[static BOARD_TEXT + 1]);
void events_done(struct events *ev);	/* the oldest is in the ledger */
size_t events_count(const struct events *ev);

/* --- state.c --- */
enum state {
	STATE_STARTING, STATE_UNPROVISIONED, STATE_LOCKED, STATE_OPERATIONAL,
	STATE_FAILED, STATE_FROZEN, STATES,
};
struct view {		/* what a state follows from */
	int64_t now, since;	/* since: start, or provisioned */
	int64_t patience;
	bool provisioned, frozen, ill;	/* ill: local health is bad */
	int64_t vault_answered, front_answered;	/* 0: never */
	char vault_state[32];
};
enum { ALIVE = 10 };	/* s: an answer that is older is none */
enum state state_of(const struct view *v);
const char *state_name(enum state s);
/* In words: what keeps it from operational; "" when nothing does. */
void state_why(const struct view *v, char *text, size_t cap);

/* --- watchdog.c --- */
struct watchdog;
/* NULL: no device, or it cannot be opened (logged). */
struct watchdog *watchdog_open(const char *prefix,
    const struct board_conf *c);
void watchdog_close(struct watchdog *w);
bool watchdog_may(const struct view *v);
void watchdog_feed(struct watchdog *w);

/* --- led.c --- */
struct led;
struct led *led_open(const char *prefix, const struct board_conf *c);
void led_close(struct led *l);
void led_show(struct led *l, enum state s);
void led_turn(struct led *l, int64_t ms);	/* blinks a bare GPIO */

/* --- tamper.c --- */
struct tamper;
struct tamper *tamper_open(const char *prefix, const struct board_conf *c);
void tamper_close(struct tamper *t);
/* true: the box is open now, or was since the last look. A pin that cannot
 * be read counts as open. */
bool tamper_open_now(struct tamper *t);
const char *tamper_state(const struct tamper *t);	/* for the report */

/* --- gpio.c: libgpiod 2, or nothing --- */
struct gpio;
struct gpio *gpio_in(const char *chip, uint64_t line);
struct gpio *gpio_out(const char *chip, uint64_t line);
void gpio_close(struct gpio *g);
/* 0, 1; -1: cannot be read. Also 1 when an edge was seen since. */
int gpio_get(struct gpio *g);
void gpio_set(struct gpio *g, bool on);

/* --- update.c, update-bundle.c, update-rauc.c: RAUC, called as a child --- */
enum update_state {
	UPDATE_IDLE, UPDATE_FETCHING, UPDATE_VERIFYING, UPDATE_INSTALLING,
	UPDATE_INSTALLED, UPDATE_TRIAL, UPDATE_GOOD, UPDATE_FAILED,
};
struct rauc_other {
	bool known;
	char version[BOARD_VERSION], state[16];
};
struct update_handlers {
	void (*event)(void *arg, const char *name, const char *text);
	void (*reboot)(void *arg, const char *why);
	void (*changed)(void *arg);
	void *arg;
};
struct update;
struct update *update_new(const char *prefix, struct children *c,
    struct boot *b, const struct update_handlers *h);
void update_free(struct update *u);
void update_install(struct update *u, const char *url);
void update_commit(struct update *u);
void update_rollback(struct update *u);
/* The verdict of local health on this boot; once. */
void update_healthy(struct update *u);
void update_ill(struct update *u, const char *why);
/* Is a verdict awaited, and does a bad one mean going back? */
bool update_awaits(const struct update *u);
bool update_trial(const struct update *u);
enum update_state update_state(const struct update *u);
const char *update_state_name(enum update_state s);
const char *update_version(const struct update *u);
const char *update_text(const struct update *u);
unsigned update_percent(const struct update *u);
const struct rauc_other *update_other(const struct update *u);
/* KEY='value' of RAUC's shell format. */
bool rauc_value(struct dca_buf out, const char *key, char *value, size_t cap);
void rauc_other(struct rauc_other *o, struct dca_buf status, char slot);
/* Why an installation failed: "LastError: ..." of its output, else its last
 * line. */
void rauc_reason(const struct dca_out *out, char *why, size_t cap);

/* --- box.c, box-command.c, box-console.c: all of it together --- */
struct box;
struct box *box_new(struct dca_loop *l, const char *prefix,
    const struct board_conf *c);
void box_free(struct box *b);

/* --- report.c: the REPORT map --- */
struct report {
	const struct board_conf *conf;
	const struct boot *boot;
	const struct update *update;	/* or NULL */
	enum state state;
	const char *tamper;		/* or NULL */
	const char *clock;		/* or NULL */
	bool watchdog;
};
void report_encode(struct dca_out *o, const struct report *r);

#endif
