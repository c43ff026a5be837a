// rules for AllowlistPublication
