package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// PEM
	certPEM, keyPEM []byte
}

// runPKI writes every key, certificate and kubeconfig that the cluster needs:
//
//	nodetool pki -dir DIR -server URL -node NAME -node-ip IP -service-ip IP
func runPKI() {
	fs := flag.NewFlagSet("pki", flag.ExitOnError)
	dir := fs.String("dir", "pki", "folder to write to")
	server := fs.String("server", "https://127.0.0.1:6443", "API server address for the kubeconfigs")
	node := fs.String("node", "testbed", "node name")
	nodeIP := fs.String("node-ip", "", "node address")
	serviceIP := fs.String("service-ip", "", "first address of the service range")
	_ = fs.Parse(os.Args[1:])
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		die("%v", err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(*dir, name), data, 0o600); err != nil {
			die("%v", err)
		}
	}
	save := func(name string, id *identity) {
		write(name+".crt", id.certPEM)
		write(name+".key", id.keyPEM)
	}

	ca := issue(nil, "testbed-ca", nil, nil)
	save("ca", ca)
	front := issue(nil, "testbed-front-proxy-ca", nil, nil)
	save("front-proxy-ca", front)
	save("front-proxy-client", issue(front, "front-proxy-client", nil, nil))
	save("apiserver", issue(ca, "kube-apiserver", nil, []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", *nodeIP, *serviceIP,
	}))
	save("apiserver-kubelet-client", issue(ca, "kube-apiserver-kubelet-client", []string{"system:masters"}, nil))
	save("kubelet", issue(ca, "system:node:"+*node, []string{"system:nodes"}, []string{*node, *nodeIP, "127.0.0.1"}))
	write("sa.key", issue(nil, "service-accounts", nil, nil).keyPEM)

	for _, c := range []struct{ file, user, group string }{
		{"admin", "testbed-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
		{"node", "system:node:" + *node, "system:nodes"},
		{"proxy", "system:kube-proxy", ""},
		{"dns", "system:coredns", ""},
	} {
		var groups []string
		if c.group != "" {
			groups = []string{c.group}
		}
		id := issue(ca, c.user, groups, nil)
		b64 := base64.StdEncoding.EncodeToString
		write(c.file+".kubeconfig", []byte(fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: testbed
clusters:
- name: testbed
  cluster:
    server: %s
    certificate-authority-data: %s
contexts:
- name: testbed
  context:
    cluster: testbed
    user: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
`, *server, b64(ca.certPEM), c.user, c.user, b64(id.certPEM), b64(id.keyPEM))))
	}
}

// issue makes a key and a certificate: a CA when parent is nil, else a leaf
// for client use and, when it has names, for server use too.
func issue(parent *identity, cn string, groups, names []string) *identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		die("%v", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		die("%v", err)
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: cn, Organization: groups},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	signer, signerKey := t, key
	if parent == nil {
		t.IsCA = true
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	} else {
		signer, signerKey = parent.cert, parent.key
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if len(names) > 0 {
			t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		}
	}
	for _, n := range names {
		if n == "" {
			continue
		}
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, signer, &key.PublicKey, signerKey)
	if err != nil {
		die("%v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		die("%v", err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		die("%v", err)
	}
	return &identity{
		cert: cert, key: key,
		certPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}
}
