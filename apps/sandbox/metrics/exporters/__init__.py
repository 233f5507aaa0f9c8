"""The exporters, with the names and labels that the real ones have.

hub        what they share: targets, the log, the metrics that Prometheus writes about each target
gateways   ingress-nginx, Traefik, Envoy Gateway, Istio's ingress gateway, Linkerd beside an ingress controller
sidecars   Istio's and Linkerd's proxies in the pods
state      kube-state-metrics
kubelets   cAdvisor, as each node's kubelet serves it

Labels as Prometheus stores them: with `honor_labels` off (what kube-prometheus-stack does unless told otherwise),
ingress-nginx's own `namespace` and `service` arrive as `exported_namespace` and `exported_service`, for the target has
labels of those names; with it on, they keep their names.
"""
