module external-secrets-on-pulumi/local/tools/modules/etcd

go 1.26.0

require go.etcd.io/etcd/server/v3 v3.6.16
