"""Answers that every question accepts and that are as odd as it lets them be, beside plain ones for comparison."""

from typing import Any

# Letters of several scripts and outside the basic plane, Markdown, shell and YAML as far as they are let in.
DESCRIPTION = "Ça (v2): l'API \U0001d482 中文 مرحبا ١٢, 100/100! - no: yes? ../x // +1 __all__ & *x; # 9% ok"
OWNER = "@0123/null.no +x_y@e-mail/1e3"
# Words and numbers that YAML would read as something else than text.
ODD: dict[str, dict[str, Any]] = {
    "fastapi-service": {
        "component": "null",
        "description": DESCRIPTION,
        "owner": OWNER,
        "version": "0.0.0-rc.0",
        "namespace": "1e3",
        "production_namespace": "0777",
        "monitoring_namespace": "yes",
        "port": 65535,
        "registry": "0.0:1/0/1_2.3",
        "base_image_prefix": "0:1/no/",
        "domain": "0x1.true.no",
        "route53_zone": "Z123456",
        "aws_region": "no-no-1",
        "certificate_arn": "arn:aws-on-off:acm:no-no-1:000000000000:certificate/00000000-0000-0000-0000-000000000000",
        "alb_subnet_cidrs": ["0.0.0.0/8"],
        "public_host": "0.0x1.true.no",
        "repository_url": "https://0:1/0/_1.-",
        "catalog": "backstage",
        "ci": "both",
        "gpu": True,
    },
    "k8s": {
        "component": "true",
        "health_path": "/~/../-_.",
        "ready_path": "//null",
        "namespace": "0b1",
        "production_namespace": "off",
        "monitoring_namespace": "1-1",
        "gpu": True,
    },
    "ci": {
        "component": "no",
        "version": "1.2.3-alpha.0",
        "registry": "0/0",
        "test_command": "./0 --a=:@,+ .",
        "dist_command": "/bin/true -- =x",
        "working_directory": "0/_.-",
        "ci": "both",
    },
}
PLAIN: dict[str, dict[str, Any]] = {
    "fastapi-service": {
        "component": "orders",
        "description": "A service",
        "owner": "team",
        "version": "1.0.0-rc.1",
        "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
        "alb_subnet_cidrs": ["10.0.0.0/16"],
        "base_image_prefix": "mirror.example.com/",
        "repository_url": "https://github.com/org/orders",
        "catalog": "backstage",
        "ci": "both",
        "gpu": True,
    },
    "k8s": {"component": "orders", "gpu": True},
    "ci": {"component": "orders", "ci": "both"},
}
# What no question lets in; whatever is rendered from it is data all the same.
HOSTILE = [
    "*bold* _em_ __strong__ ~~gone~~ `code` | table |",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; &#60;",
    "[link](http://x.invalid) ![image](x) [ref]: x <http://x.invalid>",
    "{{ 7*7 }} {% raw %} {# x #} ${HOME} $(id) `id`",
    "first\n# Second\n- item\r\n\n```\nfence",
    "\\# \\<b> \\\\ \\[x](y)",
    "quote ' and \" and ''' and \"\"\" and \\",
    "$x$ $$y$$ --- === ***",
    "\u202ereversed \u2028line \x85next",
]
