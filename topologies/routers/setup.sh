#!/bin/bash
# Hop by hop: netsim traceroute routers client server
#
#   client -- r1 -- r2 -- r3 -- server        networks 10.1.0.0/24 .. 10.4.0.0/24
#
nodes=(client r1 r2 r3 server)
for n in "${nodes[@]}"; do
  ip netns add $n
  ip -n $n link set lo up
done
for i in 1 2 3 4; do
  left=${nodes[$((i - 1))]}
  right=${nodes[$i]}
  ip -n $left link add right address 02:00:0a:0$i:00:01 type veth peer name left address 02:00:0a:0$i:00:02 netns $right
  ip -n $left addr add 10.$i.0.1/24 brd 10.$i.0.255 dev right
  ip -n $right addr add 10.$i.0.2/24 brd 10.$i.0.255 dev left
  ip -n $left link set right up
  ip -n $right link set left up
done
for r in r1 r2 r3; do
  ip netns exec $r sysctl -q -w net.ipv4.ip_forward=1
done
ip -n client route add default via 10.1.0.2
ip -n server route add default via 10.4.0.1
ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
ip -n r1 route add 10.4.0.0/24 via 10.2.0.2
ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
ip -n r2 route add 10.4.0.0/24 via 10.3.0.2
ip -n r3 route add 10.1.0.0/24 via 10.3.0.1
ip -n r3 route add 10.2.0.0/24 via 10.3.0.1
