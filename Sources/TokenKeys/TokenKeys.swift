// TokenKeys
