/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, by source address or by key, in a table of fixed size. It never
 * allocates for a packet: a name that does not fit takes the place of the one
 * that has waited longest in its set, which at worst gives that one a
 * fresh burst.
 */
#include <netinet/in.h>
#include <string.h>

#include "front.h"

enum { SETS = 1024, WAYS = 4 };

struct bucket {
	uint8_t address[FRONT_SOURCE];
	bool used;
	uint64_t tokens;	/* thousandths of a request */
	int64_t last;		/* ms */
};

struct front_rate {
	uint64_t per_second, burst;
	uint64_t seed;		/* so that sets cannot be aimed at */
	struct bucket set[SETS][WAYS];
};

struct front_rate *
front_rate_new(uint64_t per_second, uint64_t burst)
{
	struct front_rate *r = dca_alloc(sizeof(*r));

	memset(r, 0, sizeof(*r));
	r->per_second = per_second;
	r->burst = burst * FRONT_COST_REQUEST;
	dca_random(&r->seed, sizeof(r->seed));
	return r;
}

void
front_rate_free(struct front_rate *r)
{
	dca_free_p(&r);
}

/* An IPv6 host owns its /64 and can change the rest at will. */
void
front_source(uint8_t out[static FRONT_SOURCE], const coap_address_t *a)
{
	memset(out, 0, FRONT_SOURCE);
	if (a->addr.sa.sa_family == AF_INET) {
		out[0] = 4;
		memcpy(out + 1, &a->addr.sin.sin_addr, 4);
		return;
	}
	if (IN6_IS_ADDR_V4MAPPED(&a->addr.sin6.sin6_addr)) {
		out[0] = 4;
		memcpy(out + 1, a->addr.sin6.sin6_addr.s6_addr + 12, 4);
		return;
	}
	out[0] = 6;
	memcpy(out + 1, a->addr.sin6.sin6_addr.s6_addr, 8);
}

static size_t
set_of(const struct front_rate *r, const uint8_t address[static FRONT_SOURCE])
{
	uint64_t h = r->seed ^ 0xcbf29ce484222325U;

	for (size_t i = 0; i < FRONT_SOURCE; i++) {
		h ^= address[i];
		h *= 0x100000001b3U;
		h ^= h >> 29;
	}
	return (size_t)(h % SETS);
}

static struct bucket *
bucket_of(struct front_rate *r, const uint8_t address[static FRONT_SOURCE],
    int64_t now)
{
	struct bucket *ways = r->set[set_of(r, address)], *victim = ways;

	for (size_t i = 0; i < WAYS; i++) {
		if (ways[i].used &&
		    memcmp(ways[i].address, address, FRONT_SOURCE) == 0)
			return &ways[i];
		if (!ways[i].used || (victim->used &&
		    ways[i].last < victim->last))
			victim = &ways[i];
	}
	memcpy(victim->address, address, FRONT_SOURCE);
	victim->used = true;
	victim->tokens = r->burst;
	victim->last = now;
	return victim;
}

bool
front_rate_take(struct front_rate *r, const coap_address_t *a, unsigned cost,
    int64_t now_ms)
{
	uint8_t source[FRONT_SOURCE];

	front_source(source, a);
	return front_rate_take_name(r, source, cost, now_ms);
}

bool
front_rate_take_name(struct front_rate *r,
    const uint8_t name[static FRONT_SOURCE], unsigned cost, int64_t now_ms)
{
	struct bucket *b;
	uint64_t room, gained;

	b = bucket_of(r, name, now_ms);
	room = r->burst - b->tokens;
	/* requests per second = thousandths per millisecond */
	gained = (uint64_t)(now_ms - b->last) * r->per_second;
	b->tokens += gained < room ? gained : room;
	b->last = now_ms;
	if (b->tokens < cost)
		return false;
	b->tokens -= cost;
	return true;
}
