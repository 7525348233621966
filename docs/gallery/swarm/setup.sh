# Three nodes; a service with three replicas, published by the routing mesh.
docker swarm init --advertise-addr 192.168.0.11 > /dev/null
token=$(docker swarm join-token -q worker)
for n in 2 3; do ssh node$n docker swarm join --token $token 192.168.0.11:2377 > /dev/null; done
docker network create -d overlay lab > /dev/null
docker service create -q --name web --replicas 3 --network lab -p 8080:80 nginx > /dev/null
sleep 10
