/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The packet path is compiled once for each address family. Code that reads the same for both is
 * written once, with the types and functions that are declared alike in family_v4.h and
 * family_v6.h; what differs lies in files of each family (packet_v4.h, packet_v6.h and so on).
 *
 *   ip_address, ip_header      an address in network byte order; the fixed part of the header
 *   FAMILY, ADDRESS_FAMILY     4 or 6, as in keys; AF_INET or AF_INET6
 *   widen(), narrow()          to and from the 16-byte fields of abi.h
 *   fold_address()             one word of an address, for filters and schedulers, as in IPVS
 *   lower_ttl()                one hop less; `difference` is what new addresses in the header add
 *                              to a sum over it
 */

#if defined(FAMILY_6)
#include "family_v6.h"
#else
#include "family_v4.h"
#endif

/* One address and one port of a packet get new values. */
struct translation {
    ip_address old_address;
    ip_address new_address;
    __be16 old_port;
    __be16 new_port;
};
