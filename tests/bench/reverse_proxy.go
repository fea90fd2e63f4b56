// Stands in for the load balancer that Otto began as: Go's own reverse proxy, round-robin, with the
// settings and the forwarding fields that every proxy has in the benchmark; else as it is usually
// written, without a BufferPool.
//
//	reverse_proxy -listen ADDRESS:PORT SERVER...     SERVER: http://HOST:PORT or unix:/PATH
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const idleTimeout = 120 * time.Second

func requestID() string {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(id[:])
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "where clients come")
	flag.Parse()

	// A UNIX socket has no host: a made-up one leads the dialer to its path.
	paths := map[string]string{}
	var servers []*url.URL
	for i, text := range flag.Args() {
		if path := strings.TrimPrefix(text, "unix:"); path != text {
			host := "unix-" + hex.EncodeToString([]byte{byte(i >> 8), byte(i)})
			paths[host+":80"] = path
			text = "http://" + host
		}
		server, err := url.Parse(text)
		if err != nil {
			log.Fatal(err)
		}
		servers = append(servers, server)
	}

	var dialer net.Dialer
	var next atomic.Uint64
	proxy := &httputil.ReverseProxy{
		Director: func(request *http.Request) {
			server := servers[next.Add(1)%uint64(len(servers))]
			client, _, _ := net.SplitHostPort(request.RemoteAddr)
			header := request.Header
			header.Del("X-Forwarded-For") // ReverseProxy sets it
			header.Set("X-Forwarded-Proto", "http")
			header.Set("X-Forwarded-Host", request.Host)
			header.Set("Forwarded", "for="+client+";host="+request.Host+";proto=http")
			header.Set("X-Request-Id", requestID())
			request.URL.Scheme = server.Scheme
			request.URL.Host = server.Host // request.Host stays: the server sees the client's
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if path, ok := paths[address]; ok {
					return dialer.DialContext(ctx, "unix", path)
				}
				return dialer.DialContext(ctx, network, address)
			},
			MaxIdleConnsPerHost: 8192,
			IdleConnTimeout:     idleTimeout,
			DisableCompression:  true,
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	front := http.Server{Addr: *listen, Handler: proxy, IdleTimeout: idleTimeout}
	log.Fatal(front.ListenAndServe())
}
