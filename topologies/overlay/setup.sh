#!/bin/bash
# A swarm of three nodes and an overlay network with a service on it; all wiring is Docker's own.
#
#   node1 (manager)   node2            node3
#                     myservice.N      myservice.M     eth0 in overnet, 10.0.1.0/24
#                       | br0 vxlan0     | br0 vxlan0  namespace 1-..., VNI 4097
#   ------- lan0 192.168.0.0/24 --------------------
#
docker swarm init --advertise-addr 192.168.0.11 > /dev/null
token=$(docker swarm join-token -q worker)
for node in node2 node3; do
  ssh $node docker swarm join --token "$token" 192.168.0.11:2377 > /dev/null
done
docker network create -d overlay overnet > /dev/null
docker service create -q --name myservice --network overnet --replicas 2 ubuntu sleep infinity > /dev/null
