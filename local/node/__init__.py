"""A node in one process: runs pods of known images as child processes and keeps their status true.

It does what Deployments need of a kubelet and a scheduler, for images that are Python modules of this project:

* registers a Node and renews its Lease; binds pending pods whose every container it can run;
* runs each container as a process with the pod's environment, volumes and service-account token;
* probes, restarts with back-off, ends gracefully, and reports phase, conditions and container statuses.

What it does not do: containers are processes of the user who runs it, with this machine's file system and network.
Security contexts, resource limits and network policies are not enforced.

A pod's address is one of its own in 127.0.0.0/8 where the system allows that (Linux), else 127.0.0.1; a program should
listen on ``status.podIP``, where its probes look for it. A declared ``containerPort`` is used as it is, and a container
whose port belongs to somebody else waits with reason ``PortTaken`` until it is free. A volume appears as a folder; a
path below its ``mountPath`` in the command, arguments or environment is rewritten to that folder. What it cannot run
stays Pending, and the pod's condition says why.
"""
