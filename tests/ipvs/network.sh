#!/bin/sh
# Makes the network of the comparison in an empty namespace, then runs the given command there: the
# director between two wires, whose far ends (client1, server1) the command holds. Everything beyond
# them is a permanent neighbour, so that no packet waits.
#   client1 ---- client0  director  server0 ---- server1
set -e
ip link set lo up
for side in client server; do
  ip link add ${side}0 type veth peer name ${side}1
done
ip link set client0 address 02:00:00:00:00:c0
ip link set server0 address 02:00:00:00:00:50
echo 1 >/proc/sys/net/ipv4/ip_forward
for device in all default client0 server0; do
  echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter
  echo 0 >/proc/sys/net/ipv4/conf/$device/send_redirects
done
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
for device in client0 client1 server0 server1; do
  echo 1 >/proc/sys/net/ipv6/conf/$device/disable_ipv6
  ip link set $device up
done
# Kernel IPVS as Shoal is by default: see docs/differences-from-ipvs.md.
echo 1 >/proc/sys/net/ipv4/vs/expire_nodest_conn
echo 1 >/proc/sys/net/ipv4/vs/expire_quiescent_template
{
  echo "addr add 10.1.0.1/24 dev client0"
  echo "addr add 10.2.0.1/16 dev server0"
  echo "neigh add 10.1.0.2 dev client0 lladdr 02:00:0a:01:00:02 nud permanent"
  echo "route add default via 10.1.0.2"
  echo "route add local 192.0.2.0/24 dev lo"
  echo "route add local 203.0.0.0/16 dev lo"
  # Real servers 10.2.0.2 to 10.2.1.255: their MAC addresses hold their addresses.
  third=0
  while [ $third -lt 2 ]; do
    fourth=2
    while [ $fourth -lt 256 ]; do
      printf 'neigh add 10.2.%d.%d dev server0 lladdr 02:00:0a:02:%02x:%02x nud permanent\n' \
        $third $fourth $third $fourth
      fourth=$((fourth + 1))
    done
    third=$((third + 1))
  done
} | ip -batch -
exec "$@"
