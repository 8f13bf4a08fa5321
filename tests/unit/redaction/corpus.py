"""Test credentials in the public formats of their issuers, and lines as people write them.

Values are made at run time, so that no scanner of secrets trips over this repository.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

LOWER_HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
WORD = ALNUM + "_-"

SHAPES = {
    "AWS access key": ("AKIA{}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "AWS session key": ("ASIA{}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    "age": ("AGE-SECRET-KEY-1{}", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "1Password service account": ("ops_eyJ{}", ALNUM, 260),
    "Adobe client secret": ("p8e-{}", LOWER, 32),
    "Alibaba key": ("LTAI{}", LOWER, 20),
    "Anthropic": ("sk-ant-api03-{}AA", WORD, 93),
    "Artifactory key": ("AKCp{}", ALNUM, 69),
    "Artifactory reference": ("cmVmd{}", ALNUM, 59),
    "Atlassian": ("ATATT3{}", ALNUM, 186),
    "Azure client secret": ("Q2b8Q~{}", ALNUM, 34),
    "ClickHouse Cloud": ("4b1d{}", ALNUM, 38),
    "Clojars": ("CLOJARS_{}", LOWER, 60),
    "Cloudflare origin": ("v1.0-0123456789abcdef01234567-{}", LOWER_HEX, 146),
    "Databricks": ("dapi{}", LOWER_HEX, 32),
    "DigitalOcean": ("dop_v1_{}", LOWER_HEX, 64),
    "DigitalOcean OAuth": ("doo_v1_{}", LOWER_HEX, 64),
    "Doppler": ("dp.pt.{}", LOWER, 43),
    "Duffel": ("duffel_test_{}", WORD, 43),
    "Dynatrace": ("dt0c01.ABCDEFGHIJKLMNOPQRSTUVWX.{}", UPPER, 64),
    "EasyPost": ("EZAK{}", ALNUM, 54),
    "Flutterwave": ("FLWSECK_TEST-{}-X", "abcdefgh0123456789", 32),
    "GitHub": ("ghp_{}", ALNUM, 36),
    "GitHub fine-grained": ("github_pat_{}", ALNUM, 82),
    "GitLab": ("glpat-{}", ALNUM, 20),
    "GitLab runner": ("glrt-{}", ALNUM, 20),
    "Google API": ("AIza{}", ALNUM, 35),
    "Google OAuth": ("ya29.{}", WORD, 60),
    "Grafana service account": ("glsa_{}_a1b2c3d4", ALNUM, 32),
    "Grafana Cloud": ("glc_{}", ALNUM, 48),
    "HashiCorp Vault": ("hvs.{}", ALNUM, 95),
    "HashiCorp Vault batch": ("hvb.{}", ALNUM, 140),
    "Terraform Cloud": ("abcdef12345678.atlasv1.{}", ALNUM, 64),
    "Hugging Face": ("hf_{}", string.ascii_letters, 34),
    "Heroku": ("HRKU-AA{}", ALNUM, 58),
    "Infracost": ("ico-{}", ALNUM, 32),
    "Linear": ("lin_api_{}", LOWER, 40),
    "Mailchimp": ("{}-us14", LOWER_HEX, 32),
    "Mailgun": ("key-{}", LOWER_HEX, 32),
    "New Relic": ("NRAK-{}", UPPER, 27),
    "Notion": ("ntn_12345678901{}", ALNUM, 35),
    "npm": ("npm_{}", ALNUM, 36),
    "OpenAI": ("sk-proj-{}", WORD, 74),
    "PlanetScale": ("pscale_pw_{}", ALNUM, 32),
    "Postman": ("PMAK-0123456789abcdef01234567-{}", LOWER_HEX, 34),
    "Prefect": ("pnu_{}", LOWER, 36),
    "Pulumi": ("pul-{}", LOWER_HEX, 40),
    "PyPI": ("pypi-AgEIcHlwaS5vcmc{}", WORD, 90),
    "ReadMe": ("rdme_{}", LOWER, 70),
    "RubyGems": ("rubygems_{}", LOWER_HEX, 48),
    "SendGrid": ("SG.abcdefghijklmnopqrstu1.{}", WORD, 43),
    "Brevo": ("xkeysib-{}-a1b2c3d4e5f6a7b8", LOWER_HEX, 64),
    "Sentry": ("sntryu_{}", LOWER_HEX, 64),
    "Shippo": ("shippo_live_{}", LOWER_HEX, 40),
    "Shopify": ("shpat_{}", LOWER_HEX, 32),
    "Shopify shared": ("shpss_{}", LOWER_HEX, 32),
    "Slack bot": ("xoxb-123456789012-123456789012-{}", ALNUM, 24),
    "Slack app": ("xapp-1-A0123456789-1234567890123-{}", LOWER_HEX, 64),
    "Square": ("sq0atp-{}", WORD, 22),
    "Stripe": ("sk_live_{}", ALNUM, 24),
    "Supabase": ("sbp_{}", LOWER_HEX, 40),
    "Telegram bot": ("123456789:AA{}", WORD, 33),
    "Discord bot": ("MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.{}", ALNUM, 38),
    "Twilio": ("SK{}", LOWER_HEX, 32),
    "Docker": ("dckr_pat_{}", ALNUM, 27),
    "Figma": ("figd_{}", ALNUM, 40),
    "Fly.io": ("fo1_{}", ALNUM, 43),
    "Groq": ("gsk_{}", ALNUM, 52),
    "Replicate": ("r8_{}", ALNUM, 37),
    "Tailscale": ("tskey-auth-{}", ALNUM, 33),
    "Netlify": ("nfp_{}", ALNUM, 36),
    "Perplexity": ("pplx-{}", ALNUM, 48),
    "bcrypt": ("$2b$12${}", ALNUM, 53),
}
"""Issuer: the shape, and the alphabet and the length of what is random in it."""

FORMS = (
    "token is {}",
    "using token {} for the upload",
    "the password for app is {}",
    "mysql -h db -u root -p{} shop",
    "mysqldump --password={} shop",
    "sshpass -p {} ssh app@web-1",
    "redis-cli -h cache -a {} ping",
    "curl -u deploy:{} https://ci.example.com/run",
    "curl -H 'X-Api-Key: {}' https://api.example.com",
    "docker login -u ci -p {} registry.example.com",
    "CREATE USER app IDENTIFIED BY '{}'",
    "ALTER USER app IDENTIFIED WITH mysql_native_password BY '{}'",
    "ALTER ROLE app WITH PASSWORD '{}'",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;EndpointSuffix=core.windows.net",
    "Endpoint=sb://x.example.net/;SharedAccessKeyName=root;SharedAccessKey={}",
    "GET /c/blob?sv=2022-11-02&sr=b&sig={}&se=2026",
    "GET /o?X-Amz-Credential=x&X-Amz-Signature={}",
    "Server=db;User Id=app;Password={};Encrypt=yes",
    "postgres://app:{}@db:5432/shop",
    "amqp://app:{}@queue:5672/%2F",
    "https://{}@git.example.com/x.git",
    "DATABASE_URL=mysql2://app:{}@db/shop",
    "PGPASSWORD={} psql -h db",
    "password: {}",
    "db.password={}",
    "passwd = '{}'",
    "secret_key_base => {}",
    'api_key := "{}"',
    '{{"password":"{}"}}',
    '{{"client_secret" : "{}", "id": 1}}',
    '{{\\"token\\":\\"{}\\"}}',
    '{{\\\\\\"token\\\\\\":\\\\\\"{}\\\\\\"}}',
    "{{&quot;token&quot;:&quot;{}&quot;}}",
    "{{\\u0022token\\u0022:\\u0022{}\\u0022}}",
    "password%3D{}%26next",
    "%7B%22token%22%3A%22{}%22%7D",
    "<password>{}</password>",
    '<add key="ApiKey" value="{}"/>',
    '{{"name":"DB_PASSWORD","value":"{}"}}',
    "- name: API_TOKEN value: {}",
    "('password', '{}')",
    'args: ["--token", "{}"]',
    "worker --api-key {} --verbose",
    "worker --db-password={}",
    "map[password:{} user:app]",
    "Config(user=app, password={}, ssl=true)",
    "password -> {{password={}}}",
    "Authorization: Bearer {}",
    "authorization: Token token={}",
    "{{'Authorization': 'Basic {}'}}",
    "Proxy-Authorization: {}",
    "X-Vault-Token: {}",
    "Cookie: session={}; theme=dark",
    "Set-Cookie: JSESSIONID={}; HttpOnly",
    "PHPSESSID={}",
    "machine git.example.com login ci password {}",
    "//registry.example.com/:_authToken={}",
    "_auth={}",
    "passphrase was '{}'",
    "Passwort: {}",
    "private_key={}",
    "otp={}",
)
"""Lines with a value that nothing but the line gives away."""

ORDINARY = (
    "commit 9e8ad3e1b2c4d5f60718293a4b5c6d7e8f901234",
    "deployed 9e8ad3e, was cd8c24c",
    "order 8b1f3c1e-6f0a-4f0e-9d5c-2f6a1e7b9d10 was shipped",
    "container 3f4e5d6c7b8a 3f4e5d6c7b8a99887766554433221100ffeeddccbbaa99887766554433221100 exited with 137",
    "image sha256:3f4e5d6c7b8a99887766554433221100ffeeddccbbaa99887766554433221100 pulled",
    "2026-11-27T02:11:23.123456Z INFO started in 4.3 seconds",
    "27/Nov/2026:02:11:23 +0000 GET /health HTTP/1.1 200 512 curl/8.5.0",
    "    at Object.<anonymous> (/srv/app/node_modules/express/lib/router/layer.js:95:5)",
    "\tat com.example.shop.OrderService.place(OrderService.java:123)",
    '  File "/srv/app/shop/orders.py", line 42, in place',
    "goroutine 42 [running]: main.(*Server).serve(0xc0001a2b40, 0x1)",
    "ERROR: duplicate key value violates unique constraint orders_pkey",
    "DETAIL: Key (id)=(42) already exists.",
    "FATAL: password authentication failed for user app",
    "Access denied for user 'app'@'10.0.0.7' (using password: YES)",
    "token is expired",
    "the token is missing or wrong",
    "password is incorrect",
    "spent max_tokens=1024 on 3 prompts",
    "keys evicted: 17, keyspace hits: 100",
    "basic authentication is off",
    "listening on http://0.0.0.0:8080/",
    "proxying http://localhost:3000/api/orders?page=2&sort=id to 10.0.0.5:3000",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "request_id=req_7f8a9b0c1d2e3f4a5b6c7d8e took 120 ms",
    "workflow cron-sync-products-2026-11-27T02:00:00Z run 019ac1de-7a3b-7c11-9a55-0a1b2c3d4e5f",
    "pod shop-7d9f8b6c5d-x2x4z was evicted: memory",
    'etag W/"1a2b-3c4d5e6f7a8b"',
    "mkdir -p /var/lib/shop/cache",
    "docker run -p 8080:80 -u 1000:1000 shop:1.2.3",
    "ssh -p 2222 app@web-1",
    "passed 120 of 121 checks",
    "authorized 3 requests",
    "the author wrote a monkey: banana",
    "kernel: Out of memory: Killed process 1234 (node) total-vm:1234567kB, anon-rss:65432kB",
    "connect ECONNREFUSED 127.0.0.1:5432",
    "SyntaxError: Unexpected token } in JSON at position 12",
    "npm WARN deprecated har-validator@5.1.5: this library is no longer supported",
    "shard 3 of index orders-2026.11 is yellow",
    "secret rotation took 3 seconds",
    "loaded credentials from the environment",
    "token: revoked",
    "api key: required",
    "password = rejected",
    "mysql2 pool db-prod-1 exhausted",
    "mysql 8 replica of db-primary is 40 s behind",
    "docker login to eu-pull-1 timed out",
    "redis-cli said cache-a is loading",
    "redis-cli -h cache -p 6379 ping failed",
    "killed by sig=9",
    "pod api-key-service-6f7d8c9b5d-x2k4p was evicted",
    "ops_requests_duration_seconds_p99 is 4.2",
    "table secret_rotation_history_2024 is locked",
    "metric pat_validation_failures_total_5m rises",
)


class Planted(NamedTuple):
    line: str
    secret: str


def random_text(seed: str, alphabet: str, length: int) -> str:
    chosen = random.Random(seed)
    return "".join(chosen.choice(alphabet) for _ in range(length))


def shaped() -> Iterator[Planted]:
    """Each shape in a line that says nothing of secrets."""
    for issuer, (shape, alphabet, length) in SHAPES.items():
        value = shape.format(random_text(issuer, alphabet, length))
        yield Planted(f"refused {value} by {issuer.split()[0]}", value)


def said() -> Iterator[Planted]:
    """A value without a shape in each form."""
    for form in FORMS:
        value = random_text(form, ALNUM, 14) + "7x"
        yield Planted(form.format(value), value)


def encoded() -> Iterator[Planted]:
    pair = base64.b64encode(b"admin:" + random_text("pair", ALNUM, 9).encode()).decode()
    yield Planted(f"sent basic {pair}", pair)
    address = quote(f"postgres://app:{random_text('address', ALNUM, 12)}@db/shop", safe="")
    yield Planted(f"next={address}", random_text("address", ALNUM, 12))
    token = ".".join(
        base64.urlsafe_b64encode(one.encode()).decode().rstrip("=")
        for one in (json.dumps({"alg": "HS256"}), json.dumps({"sub": "1234567890"}), "x" * 32)
    )
    yield Planted(f"jwt {token}", token)
    body = random_text("key", ALNUM, 64)
    kind = "PRIVATE" + " KEY"
    yield Planted(f"-----BEGIN {kind}-----\\n{body}\\n-----END {kind}-----", body)


def planted() -> list[Planted]:
    return [*shaped(), *said(), *encoded()]
